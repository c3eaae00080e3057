package org.bonafone.guard;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;

/**
 * The model in LiteRT, one chunk after another, with the states carried between them. What Python's
 * {@code android_bridge.scorer} calls:
 *
 * <pre>
 * void setRawScoreOutput(String name)         the graph's output that holds the raw score
 * String[] stateNames()                       names of the states of the signature "step"
 * void reset()                                every state to zero
 * void setState(String name, float[] values)  one state, all of its values in row-major order
 * float[] step(float[] samples)               one chunk → {raw score, speech frames}; the states move on inside
 * </pre>
 *
 * Buffers are direct and in the machine's byte order, and made once. Not thread-safe.
 */
public final class LiteRtScorer implements AutoCloseable {
  private static final String SIGNATURE = "step";
  private static final String SAMPLES = "samples";
  private static final String SPEECH_FRAMES = "speech_frames";

  private final Interpreter interpreter;
  private final String[] stateNames;
  private final ByteBuffer samples;
  private final ByteBuffer speechFrames;
  private ByteBuffer rawScore;
  private final Map<String, Object> inputs = new HashMap<>();
  private final Map<String, Object> outputs = new HashMap<>();

  /**
   * @param model the whole file
   * @param threads of the interpreter; one is enough for a call
   * @throws IllegalArgumentException if it is no model of ours: no signature "step", or tensors that are not float
   */
  public LiteRtScorer(byte[] model, int threads) {
    ByteBuffer bytes = direct(model.length).put(model);
    bytes.rewind();
    interpreter = new Interpreter(bytes, new Interpreter.Options().setNumThreads(threads));
    if (!Arrays.asList(interpreter.getSignatureKeys()).contains(SIGNATURE)) {
      throw new IllegalArgumentException(
          "the model has no signature 'step': expected one made by `workbench quantize`");
    }
    List<String> states = new ArrayList<>();
    for (String name : interpreter.getSignatureInputs(SIGNATURE)) {
      if (!name.equals(SAMPLES)) {
        states.add(name);
        inputs.put(name, buffer(interpreter.getInputTensorFromSignature(name, SIGNATURE)));
        outputs.put(name, buffer(interpreter.getOutputTensorFromSignature(name, SIGNATURE)));
      }
    }
    stateNames = states.toArray(new String[0]);
    samples = buffer(interpreter.getInputTensorFromSignature(SAMPLES, SIGNATURE));
    speechFrames = buffer(interpreter.getOutputTensorFromSignature(SPEECH_FRAMES, SIGNATURE));
    inputs.put(SAMPLES, samples);
    outputs.put(SPEECH_FRAMES, speechFrames);
  }

  /**
   * Names the output that holds the raw score, which models of different versions name differently; comes before the
   * first step.
   *
   * @throws IllegalArgumentException if the graph has no such output
   */
  public void setRawScoreOutput(String name) {
    String[] found = interpreter.getSignatureOutputs(SIGNATURE);
    if (!Arrays.asList(found).contains(name)) {
      throw new IllegalArgumentException("no output '" + name + "': expected one of " + String.join(", ", found));
    }
    rawScore = buffer(interpreter.getOutputTensorFromSignature(name, SIGNATURE));
    outputs.put(name, rawScore);
  }

  /** Names of the states, in no particular order. */
  public String[] stateNames() {
    return stateNames.clone();
  }

  /** Sets every state to zero: where a stream begins, but for what {@link #setState} then sets. */
  public void reset() {
    for (String name : stateNames) {
      ByteBuffer state = state(name);
      state.clear();
      while (state.hasRemaining()) {
        state.put((byte) 0);
      }
      state.rewind();
    }
  }

  /**
   * Sets one state.
   *
   * @throws IllegalArgumentException if there is no state of that name, or it holds another number of values
   */
  public void setState(String name, float[] values) {
    if (!Arrays.asList(stateNames).contains(name)) {
      throw new IllegalArgumentException(
          "no state '" + name + "': expected one of " + String.join(", ", stateNames));
    }
    fill(state(name), values, name);
  }

  /**
   * Runs one chunk and moves the states on.
   *
   * @param chunk samples at 16 kHz, -1 to 1, exactly as many as the model takes at once
   * @return raw score and speech frames
   * @throws IllegalArgumentException if the chunk has another length
   * @throws IllegalStateException if the output of the raw score was not named
   */
  public float[] step(float[] chunk) {
    if (rawScore == null) {
      throw new IllegalStateException("the output of the raw score is not named: call setRawScoreOutput first");
    }
    fill(samples, chunk, SAMPLES);
    for (Object output : outputs.values()) {
      ((ByteBuffer) output).clear();
    }
    interpreter.runSignature(inputs, outputs, SIGNATURE);
    for (String name : stateNames) {
      // What came out goes in next; the old input is the place for the next output.
      Object used = inputs.put(name, outputs.get(name));
      outputs.put(name, used);
      state(name).rewind();
    }
    return new float[] {rawScore.getFloat(0), speechFrames.getFloat(0)};
  }

  @Override
  public void close() {
    interpreter.close();
  }

  private ByteBuffer state(String name) {
    return (ByteBuffer) inputs.get(name);
  }

  private static void fill(ByteBuffer buffer, float[] values, String name) {
    if (values.length * Float.BYTES != buffer.capacity()) {
      throw new IllegalArgumentException(
          name + ": expected " + buffer.capacity() / Float.BYTES + " values, got " + values.length);
    }
    buffer.clear();
    buffer.asFloatBuffer().put(values);
    buffer.rewind();
  }

  private static ByteBuffer buffer(Tensor tensor) {
    if (tensor.dataType() != DataType.FLOAT32) {
      throw new IllegalArgumentException("expected inputs and outputs of float32, got " + tensor.dataType());
    }
    return direct(tensor.numBytes());
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }
}
