package org.bonafone.guard;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Several channels of PCM16 as one. */
final class Downmix {
  private Downmix() {}

  /**
   * The mean of the channels.
   *
   * @param pcm interleaved PCM16 in the buffer's byte order, from its position to its limit; an incomplete last frame
   *     is left out
   * @return PCM16, little-endian, mono
   */
  static byte[] toMono(ByteBuffer pcm, int channels) {
    int frames = pcm.remaining() / (2 * channels);
    ByteBuffer mono = ByteBuffer.allocate(2 * frames).order(ByteOrder.LITTLE_ENDIAN);
    for (int frame = 0; frame < frames; frame++) {
      int sum = 0;
      for (int channel = 0; channel < channels; channel++) {
        sum += pcm.getShort();
      }
      mono.putShort((short) Math.round((float) sum / channels));
    }
    return mono.array();
  }
}
