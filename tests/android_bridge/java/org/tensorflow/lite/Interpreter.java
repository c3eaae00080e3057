package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;

/** LiteRT's Java API as far as the app uses it; strict where the real one is, with its arithmetic elsewhere. */
public final class Interpreter implements AutoCloseable {
  /** Set before the first interpreter is made. */
  public static Arithmetic arithmetic;

  private static final String SIGNATURE = "step";
  private boolean closed;

  public static class Options {
    public Options setNumThreads(int threads) {
      return this;
    }
  }

  public Interpreter(ByteBuffer model, Options options) {
    if (!model.isDirect() || model.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException("Model ByteBuffer should be direct and in native order");
    }
    if (model.capacity() < 8 || model.get(4) != 'T' || model.get(5) != 'F' || model.get(6) != 'L') {
      throw new IllegalArgumentException("not a TFLite model");
    }
  }

  public String[] getSignatureKeys() {
    return new String[] {SIGNATURE};
  }

  public String[] getSignatureInputs(String signature) {
    check(signature);
    return arithmetic.inputs().split(" ");
  }

  public String[] getSignatureOutputs(String signature) {
    check(signature);
    return arithmetic.outputs().split(" ");
  }

  public Tensor getInputTensorFromSignature(String input, String signature) {
    check(signature);
    return new FloatTensor(numbers(arithmetic.inputShape(input)));
  }

  public Tensor getOutputTensorFromSignature(String output, String signature) {
    check(signature);
    return new FloatTensor(numbers(arithmetic.outputShape(output)));
  }

  public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signature) {
    check(signature);
    if (inputs.size() != getSignatureInputs(SIGNATURE).length) {
      throw new IllegalArgumentException("every input must be given, got " + inputs.keySet());
    }
    for (Map.Entry<String, Object> entry : inputs.entrySet()) {
      FloatBuffer floats = floats(entry.getKey(), entry.getValue(), numbers(arithmetic.inputShape(entry.getKey())));
      float[] values = new float[floats.remaining()];
      floats.get(values);
      arithmetic.set(entry.getKey(), values);
    }
    arithmetic.invoke();
    for (Map.Entry<String, Object> entry : outputs.entrySet()) {
      FloatBuffer floats = floats(entry.getKey(), entry.getValue(), numbers(arithmetic.outputShape(entry.getKey())));
      byte[] bytes = Base64.getDecoder().decode(arithmetic.get(entry.getKey()));
      floats.put(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer());
    }
  }

  @Override
  public void close() {
    closed = true;
  }

  private void check(String signature) {
    if (closed) {
      throw new IllegalStateException("Interpreter has already been closed");
    }
    if (!SIGNATURE.equals(signature)) {
      throw new IllegalArgumentException("no signature " + signature);
    }
  }

  private static int[] numbers(String shape) {
    return Arrays.stream(shape.split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  /** A view of the whole buffer, as the native side takes it: the position does not matter to it, the bytes do. */
  private static FloatBuffer floats(String name, Object given, int[] shape) {
    int size = Arrays.stream(shape).reduce(1, (left, right) -> left * right);
    ByteBuffer bytes = ((ByteBuffer) given).duplicate().order(ByteOrder.nativeOrder());
    if (!bytes.isDirect() || ((ByteBuffer) given).order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(name + ": expected a direct buffer in native order");
    }
    bytes.clear();
    if (bytes.remaining() != 4 * size) {
      throw new IllegalArgumentException(name + ": expected " + 4 * size + " bytes, got " + bytes.remaining());
    }
    return bytes.asFloatBuffer();
  }

  private static final class FloatTensor implements Tensor {
    private final int[] shape;

    FloatTensor(int[] shape) {
      this.shape = shape;
    }

    @Override
    public int[] shape() {
      return shape.clone();
    }

    @Override
    public int numElements() {
      return Arrays.stream(shape).reduce(1, (left, right) -> left * right);
    }

    @Override
    public int numBytes() {
      return 4 * numElements();
    }

    @Override
    public DataType dataType() {
      return DataType.FLOAT32;
    }
  }
}
