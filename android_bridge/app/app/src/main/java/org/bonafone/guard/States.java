package org.bonafone.guard;

import android.content.Context;
import org.json.JSONObject;

/** States and verdicts of the bridge in words and colours. */
final class States {
  static final int GREEN = 0xFF2E7D32;
  static final int RED = 0xFFC62828;
  static final int AMBER = 0xFF9A6700;
  static final int GREY = 0xFF5F6368;

  private States() {}

  /** One line for the screen and the notification. */
  static String text(Context context, JSONObject state) {
    if (state.has("error")) {
      return context.getString(R.string.state_error, state.optString("error"));
    }
    return name(context, state.optString("state", "idle"));
  }

  /** A state or a verdict in words. */
  static String name(Context context, String state) {
    switch (state) {
      case "listening":
        return context.getString(R.string.state_listening);
      case "silenced":
        return context.getString(R.string.state_silenced);
      case "blind":
        return context.getString(R.string.state_blind);
      case "bonafide":
        return context.getString(R.string.verdict_bonafide);
      case "spoof":
        return context.getString(R.string.verdict_spoof);
      case "uncertain":
        return context.getString(R.string.verdict_uncertain);
      case "too_short":
        return context.getString(R.string.verdict_too_short);
      case "no_speech":
        return context.getString(R.string.verdict_no_speech);
      default:
        return context.getString(R.string.state_idle);
    }
  }

  /** Green only for a voice that was heard and judged. */
  static int color(String state) {
    switch (state) {
      case "bonafide":
        return GREEN;
      case "spoof":
        return RED;
      case "silenced":
      case "blind":
      case "uncertain":
        return AMBER;
      default:
        return GREY;
    }
  }
}
