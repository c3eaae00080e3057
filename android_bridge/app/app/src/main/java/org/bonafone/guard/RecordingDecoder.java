package org.bonafone.guard;

import android.content.ContentResolver;
import android.media.AudioFormat;
import android.media.MediaCodec;
import android.media.MediaExtractor;
import android.media.MediaFormat;
import android.net.Uri;
import android.os.ParcelFileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.json.JSONObject;

/** Decodes a recording with the phone's own codecs and hands it, as PCM16 mono, to the bridge. */
final class RecordingDecoder {
  private static final long WAIT_US = 10000;
  private static final int IDLE_AT_MOST = 1000; // ten seconds in which the codec gives nothing

  private final ContentResolver resolver;
  private final GuardBridge bridge;
  private int channels;
  private boolean opened;

  RecordingDecoder(ContentResolver resolver, GuardBridge bridge) {
    this.resolver = resolver;
    this.bridge = bridge;
  }

  /**
   * The bridge's verdict.
   *
   * @throws IOException if the file cannot be read, holds no sound, or the codec fails
   */
  JSONObject score(Uri uri) throws IOException {
    MediaExtractor extractor = new MediaExtractor();
    try (ParcelFileDescriptor file = resolver.openFileDescriptor(uri, "r")) {
      if (file == null) {
        throw new IOException("the recording is gone");
      }
      extractor.setDataSource(file.getFileDescriptor());
      MediaFormat format = selectSound(extractor);
      MediaCodec codec = MediaCodec.createDecoderByType(format.getString(MediaFormat.KEY_MIME));
      try {
        codec.configure(format, null, null, 0);
        codec.start();
        decode(extractor, codec);
      } finally {
        codec.release();
      }
    } finally {
      extractor.release();
    }
    if (!opened) {
      throw new IOException("the recording holds no samples");
    }
    return GuardApplication.parse(bridge.closeRecording());
  }

  private static MediaFormat selectSound(MediaExtractor extractor) throws IOException {
    for (int track = 0; track < extractor.getTrackCount(); track++) {
      MediaFormat format = extractor.getTrackFormat(track);
      String kind = format.getString(MediaFormat.KEY_MIME);
      if (kind != null && kind.startsWith("audio/")) {
        extractor.selectTrack(track);
        return format;
      }
    }
    throw new IOException("the recording holds no sound");
  }

  private void decode(MediaExtractor extractor, MediaCodec codec) throws IOException {
    MediaCodec.BufferInfo info = new MediaCodec.BufferInfo();
    boolean fed = false;
    int idle = 0;
    while (idle < IDLE_AT_MOST) {
      if (!fed) {
        fed = feed(extractor, codec);
      }
      int index = codec.dequeueOutputBuffer(info, WAIT_US);
      if (index == MediaCodec.INFO_OUTPUT_FORMAT_CHANGED) {
        open(codec.getOutputFormat());
      } else if (index >= 0) {
        idle = 0;
        push(codec, index, info);
        codec.releaseOutputBuffer(index, false);
        if ((info.flags & MediaCodec.BUFFER_FLAG_END_OF_STREAM) != 0) {
          return;
        }
      } else {
        idle++;
      }
    }
    throw new IOException("the phone's codec stopped in the middle of the recording");
  }

  /** Gives the codec the next compressed piece; whether that was the last. */
  private static boolean feed(MediaExtractor extractor, MediaCodec codec) {
    int index = codec.dequeueInputBuffer(WAIT_US);
    if (index < 0) {
      return false;
    }
    ByteBuffer input = codec.getInputBuffer(index);
    int size = input == null ? -1 : extractor.readSampleData(input, 0);
    if (size < 0) {
      codec.queueInputBuffer(index, 0, 0, 0, MediaCodec.BUFFER_FLAG_END_OF_STREAM);
      return true;
    }
    codec.queueInputBuffer(index, 0, size, extractor.getSampleTime(), 0);
    extractor.advance();
    return false;
  }

  private void open(MediaFormat format) throws IOException {
    if (format.containsKey(MediaFormat.KEY_PCM_ENCODING)
        && format.getInteger(MediaFormat.KEY_PCM_ENCODING) != AudioFormat.ENCODING_PCM_16BIT) {
      throw new IOException("the phone's codec gives something else than PCM16");
    }
    if (opened) {
      throw new IOException("the recording changes its format in the middle");
    }
    channels = format.getInteger(MediaFormat.KEY_CHANNEL_COUNT);
    check(bridge.openRecording(format.getInteger(MediaFormat.KEY_SAMPLE_RATE)));
    opened = true;
  }

  private void push(MediaCodec codec, int index, MediaCodec.BufferInfo info) throws IOException {
    ByteBuffer output = codec.getOutputBuffer(index);
    if (output == null || info.size == 0) {
      return;
    }
    if (!opened) {
      open(codec.getOutputFormat());
    }
    output.position(info.offset);
    output.limit(info.offset + info.size);
    check(bridge.pushRecording(Downmix.toMono(output.order(ByteOrder.nativeOrder()), channels)));
  }

  private static void check(String answer) throws IOException {
    JSONObject parsed = GuardApplication.parse(answer);
    if (parsed.has("error")) {
      throw new IOException(parsed.optString("error"));
    }
  }
}
