package org.bonafone.guard;

import android.content.Context;
import android.media.AudioFormat;
import android.media.AudioRecord;
import android.media.AudioRecordingConfiguration;
import android.media.MediaRecorder;
import android.os.Build;
import android.os.Process;
import android.util.Log;
import java.io.IOException;
import java.util.Arrays;

/**
 * The thread that reads the audio in pieces of 20 ms and hands them to the bridge. Where Android says that it withholds
 * the audio, that is passed on with the piece; where no audio can be had, the bridge is told, and another attempt is
 * made every second.
 */
final class Listener extends Thread {
  /** Where answers go, from this thread. */
  interface Sink {
    /** The bridge, which may have to be made first. */
    GuardBridge bridge() throws IOException;

    void onAnswer(String answer);

    /** The last answer of the call, and its timeline. */
    void onEnd(String closed, String timeline);

    /** The call could not be guarded at all. */
    void onFailure(Exception error);
  }

  private static final int SAMPLE_RATE = 16000;
  private static final int PIECE_BYTES = SAMPLE_RATE / 50 * 2;
  private static final int BUFFER_BYTES = SAMPLE_RATE * 2; // a second, so that a slow moment loses nothing
  private static final int PIECES_BETWEEN_CHECKS = 25;
  private static final int PIECES_BETWEEN_ANSWERS = 10;
  private static final long RETRY_MS = 1000;
  private static final String ERROR = "{\"error\"";

  private final Context context;
  private final Sink sink;
  private volatile boolean running = true;

  Listener(Context context, Sink sink) {
    super("listener");
    this.context = context;
    this.sink = sink;
  }

  /** Ends the call; {@link Sink#onEnd} follows from the thread. */
  void finish() {
    running = false;
    interrupt();
  }

  @Override
  public void run() {
    Process.setThreadPriority(Process.THREAD_PRIORITY_AUDIO);
    try {
      GuardBridge bridge = sink.bridge();
      boolean privileged = CapabilityProbe.mayCaptureCalls(context);
      String opened = bridge.open(GuardService.callFacts(privileged ? "capture" : "microphone"));
      if (opened.startsWith(ERROR)) {
        throw new IllegalStateException(GuardApplication.parse(opened).optString("error"));
      }
      sink.onAnswer(opened);
      int source = privileged ? MediaRecorder.AudioSource.VOICE_DOWNLINK : MediaRecorder.AudioSource.MIC;
      while (running) {
        record(bridge, source);
      }
      sink.onAnswer(bridge.flush());
      String timeline = bridge.timeline();
      sink.onEnd(bridge.close(), timeline);
    } catch (Exception error) { // whatever it is, the screen must not go on saying that somebody listens
      closeQuietly();
      sink.onFailure(error);
    }
  }

  /** Reads until the audio ends or nobody wants it any more. */
  private void record(GuardBridge bridge, int source) {
    AudioRecord record = open(source);
    if (record == null) {
      sink.onAnswer(bridge.loseRoute());
      pause();
      return;
    }
    try {
      record.startRecording();
      byte[] piece = new byte[PIECE_BYTES];
      boolean silenced = false;
      for (int count = 0; running; count++) {
        int read = record.read(piece, 0, piece.length);
        if (read < 0) {
          sink.onAnswer(bridge.loseRoute());
          pause();
          return;
        }
        if (count % PIECES_BETWEEN_CHECKS == 0) {
          silenced = Build.VERSION.SDK_INT >= 29 && isSilenced(record);
        }
        byte[] audio = read == piece.length ? piece : Arrays.copyOf(piece, read);
        String answer = bridge.pushPcm16(audio, SAMPLE_RATE, silenced);
        if (answer.startsWith(ERROR)) {
          throw new IllegalStateException(GuardApplication.parse(answer).optString("error"));
        }
        // The alarm itself does not wait for this: Python gives it. A screen needs no fifty states a second.
        if (count % PIECES_BETWEEN_ANSWERS == 0) {
          sink.onAnswer(answer);
        }
      }
    } finally {
      record.release();
    }
  }

  private static AudioRecord open(int source) {
    int least = AudioRecord.getMinBufferSize(SAMPLE_RATE, AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT);
    if (least <= 0) {
      return null;
    }
    try {
      AudioFormat format =
          new AudioFormat.Builder()
              .setSampleRate(SAMPLE_RATE)
              .setEncoding(AudioFormat.ENCODING_PCM_16BIT)
              .setChannelMask(AudioFormat.CHANNEL_IN_MONO)
              .build();
      return new AudioRecord.Builder()
          .setAudioSource(source)
          .setAudioFormat(format)
          .setBufferSizeInBytes(Math.max(least, BUFFER_BYTES))
          .build();
    } catch (UnsupportedOperationException | IllegalArgumentException | SecurityException error) {
      return null;
    }
  }

  @RequiresApi(29)
  private static boolean isSilenced(AudioRecord record) {
    AudioRecordingConfiguration configuration = record.getActiveRecordingConfiguration();
    return configuration != null && configuration.isClientSilenced();
  }

  private void closeQuietly() {
    try {
      sink.bridge().close();
    } catch (Exception second) {
      Log.w(GuardApplication.TAG, "the call could not be closed either", second);
    }
  }

  private void pause() {
    try {
      Thread.sleep(RETRY_MS);
    } catch (InterruptedException finished) {
      running = false;
    }
  }
}
