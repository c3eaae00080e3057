package org.bonafone.guard;

import android.content.Context;
import android.media.AudioAttributes;
import android.os.Build;
import android.os.VibrationAttributes;
import android.os.VibrationEffect;
import android.os.Vibrator;
import android.os.VibratorManager;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Vibrator and notifications, as Python's {@code android_bridge.phone} calls them. What is given, how strong and
 * as what usage comes as data from there: with usage "alarm" it is felt during a call, where Android suppresses the
 * vibration of notifications.
 */
public final class Phone {
  private static final int ONCE = -1;

  private final Context context;
  private final Vibrator vibrator;

  Phone(Context context) {
    this.context = context;
    vibrator = vibratorOf(context);
  }

  /**
   * Starts a pattern once and returns.
   *
   * @param pattern JSON with {@code timings_ms}, {@code amplitudes} (0 to 255) and {@code usage}
   * @throws IllegalStateException if the phone has no vibrator
   * @throws IllegalArgumentException if the pattern is none
   */
  public void buzz(String pattern) {
    if (!vibrator.hasVibrator()) {
      throw new IllegalStateException("this phone has no vibrator");
    }
    try {
      JSONObject wanted = new JSONObject(pattern);
      VibrationEffect effect = effectOf(wanted, vibrator.hasAmplitudeControl());
      String usage = wanted.getString("usage");
      if (Build.VERSION.SDK_INT >= 33) {
        vibrator.vibrate(effect, VibrationAttributes.createForUsage(vibrationUsage(usage)));
      } else {
        vibrator.vibrate(effect, new AudioAttributes.Builder().setUsage(audioUsage(usage)).build());
      }
    } catch (JSONException error) {
      throw new IllegalArgumentException("no pattern: " + pattern, error);
    }
  }

  /** Stops what still vibrates. */
  public void cancel() {
    vibrator.cancel();
  }

  /**
   * Shows a notice of the call.
   *
   * @param notice JSON with {@code kind}, {@code call}, {@code title} and {@code text}
   * @throws IllegalArgumentException if it is none
   */
  public void show(String notice) {
    try {
      JSONObject given = new JSONObject(notice);
      String kind = given.getString("kind");
      Notices.showLive(context, kind, given.getString("title"), given.getString("text"));
    } catch (JSONException error) {
      throw new IllegalArgumentException("no notice: " + notice, error);
    }
  }

  static Vibrator vibratorOf(Context context) {
    if (Build.VERSION.SDK_INT >= 31) {
      return context.getSystemService(VibratorManager.class).getDefaultVibrator();
    }
    return context.getSystemService(Vibrator.class);
  }

  private static VibrationEffect effectOf(JSONObject pattern, boolean graded) throws JSONException {
    JSONArray times = pattern.getJSONArray("timings_ms");
    JSONArray strengths = pattern.getJSONArray("amplitudes");
    long[] timings = new long[times.length()];
    int[] amplitudes = new int[times.length()];
    for (int index = 0; index < timings.length; index++) {
      timings[index] = times.getLong(index);
      int strength = strengths.getInt(index);
      // Without amplitude control a vibrator has off and on.
      amplitudes[index] = graded || strength == 0 ? strength : VibrationEffect.DEFAULT_AMPLITUDE;
    }
    return VibrationEffect.createWaveform(timings, amplitudes, ONCE);
  }

  @RequiresApi(33)
  private static int vibrationUsage(String usage) {
    switch (usage) {
      case "alarm":
        return VibrationAttributes.USAGE_ALARM;
      case "ringtone":
        return VibrationAttributes.USAGE_RINGTONE;
      case "notification":
        return VibrationAttributes.USAGE_NOTIFICATION;
      default:
        throw new IllegalArgumentException("unknown usage " + usage);
    }
  }

  private static int audioUsage(String usage) {
    switch (usage) {
      case "alarm":
        return AudioAttributes.USAGE_ALARM;
      case "ringtone":
        return AudioAttributes.USAGE_NOTIFICATION_RINGTONE;
      case "notification":
        return AudioAttributes.USAGE_NOTIFICATION;
      default:
        throw new IllegalArgumentException("unknown usage " + usage);
    }
  }
}
