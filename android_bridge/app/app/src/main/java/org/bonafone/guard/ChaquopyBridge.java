package org.bonafone.guard;

import android.content.Context;
import com.chaquo.python.PyObject;
import com.chaquo.python.Python;
import com.chaquo.python.android.AndroidPlatform;
import java.io.File;

/** The bridge through Chaquopy. Making one takes a second or two: not on the main thread. */
final class ChaquopyBridge implements GuardBridge {
  private final PyObject python;

  /**
   * @param model the `.tflite` that {@code scorer} loaded
   * @param phone vibrator and notifications, see {@link Phone}
   * @param settings JSON of {@code android_bridge.settings}; empty for the defaults
   * @throws com.chaquo.python.PyException if model, scorer and settings do not fit together
   */
  ChaquopyBridge(Context context, File model, LiteRtScorer scorer, Phone phone, String settings) {
    if (!Python.isStarted()) {
      Python.start(new AndroidPlatform(context.getApplicationContext()));
    }
    python =
        Python.getInstance()
            .getModule("android_bridge.adapters.chaquopy")
            .callAttr("create", model.getPath(), scorer, phone, phone, settings);
  }

  @Override
  public String open(String call) {
    return text("open", call);
  }

  @Override
  public String pushPcm16(byte[] data, int sampleRate, boolean silenced) {
    return text("push_pcm16", data, sampleRate, silenced);
  }

  @Override
  public String poll() {
    return text("poll");
  }

  @Override
  public String loseRoute() {
    return text("lose_route");
  }

  @Override
  public String acknowledge() {
    return text("acknowledge");
  }

  @Override
  public String flush() {
    return text("flush");
  }

  @Override
  public String close() {
    return text("close");
  }

  @Override
  public String timeline() {
    return text("timeline");
  }

  @Override
  public String screen(String facts) {
    return text("screen", facts);
  }

  @Override
  public String openRecording(int sampleRate) {
    return text("open_recording", sampleRate);
  }

  @Override
  public String pushRecording(byte[] data) {
    return text("push_recording", data);
  }

  @Override
  public String closeRecording() {
    return text("close_recording");
  }

  @Override
  public String testBuzz() {
    return text("test_buzz");
  }

  @Override
  public String describe() {
    return text("describe");
  }

  private String text(String name, Object... arguments) {
    try (PyObject answer = python.callAttr(name, arguments)) {
      return answer.toString();
    }
  }
}
