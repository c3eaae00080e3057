package org.bonafone.guard;

/**
 * What the app asks of Python; every answer is the text of one JSON object, with {@code error} where it failed. The
 * Python side is {@code android_bridge.bridge.Bridge}, which documents the objects. Safe to call from any thread.
 */
public interface GuardBridge {
  /** Begins a call: {@code {"id": …, "route": …}}. */
  String open(String call);

  /** Takes a piece of PCM16, little-endian, mono. */
  String pushPcm16(byte[] data, int sampleRate, boolean silenced);

  /** What is known now; gives the reminder when it is due. */
  String poll();

  /** Shows "blind", since no audio can come. */
  String loseRoute();

  /** The user answered the alarm. */
  String acknowledge();

  /** Ends the audio. */
  String flush();

  /** Ends the call. */
  String close();

  /** The last scores of the open call: {@code {"points": […]}}. */
  String timeline();

  /** Caution from what the network says of a number: never about a voice. */
  String screen(String facts);

  /** Begins a recording that the app decodes. */
  String openRecording(int sampleRate);

  /** Takes a block of its PCM16 mono, at most a minute. */
  String pushRecording(byte[] data);

  /** The verdict on the recording. */
  String closeRecording();

  /** Gives the buzz once. */
  String testBuzz();

  /** The model and its operating points with their measured costs. */
  String describe();
}
