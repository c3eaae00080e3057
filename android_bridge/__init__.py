"""What an Android app or Termux calls: it marshals bytes, numbers and JSON, and decides nothing itself.

    Java or Kotlin ──bytes, numbers──► Bridge ──► CallGuard ──► edge.model, edge.decision
                   ◄──JSON─────────────┘             │
    Java or Termux ◄──buzz, show─────────────────────┘

`android_bridge.bridge` lists what crosses the border. One adapter for each way of having Python on the phone:
`android_bridge.chaquopy`, `android_bridge.pyjnius_adapter`, `android_bridge.termux`; `android_bridge.jpype_adapter` is
for a JVM on the desktop, where the tests are. None of them is imported before it is asked for.
"""
