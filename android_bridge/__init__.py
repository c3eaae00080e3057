"""What an Android app or Termux calls: it marshals bytes, numbers and JSON, and decides nothing itself.

    Java or Kotlin ──bytes, numbers──► Bridge ──► CallGuard ──► edge.stream, edge.scoring
                   ◄──JSON─────────────┘             │
    Java or Termux ◄──buzz, show─────────────────────┘

Begin with `android_bridge.bridge`, which lists what crosses the border; `guard` follows one call, `phone` has the buzz
and the notifications, `audio` the PCM16, `scorer` the model where LiteRT runs in Java. `adapters` holds one file for
each way of having Python on the phone; none is imported before it is asked for.
"""
