package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.util.Map;

/** Stub written by hand for compilation only, from LiteRT's documented Java API; nothing here runs. */
public final class Interpreter implements AutoCloseable {
  /** How the interpreter runs. */
  public static class Options {
    public Options() {}

    public Options setNumThreads(int threads) {
      throw new UnsupportedOperationException("stub");
    }
  }

  public Interpreter(ByteBuffer model, Options options) {
    throw new UnsupportedOperationException("stub");
  }

  public String[] getSignatureKeys() {
    throw new UnsupportedOperationException("stub");
  }

  public String[] getSignatureInputs(String signature) {
    throw new UnsupportedOperationException("stub");
  }

  public String[] getSignatureOutputs(String signature) {
    throw new UnsupportedOperationException("stub");
  }

  public Tensor getInputTensorFromSignature(String input, String signature) {
    throw new UnsupportedOperationException("stub");
  }

  public Tensor getOutputTensorFromSignature(String output, String signature) {
    throw new UnsupportedOperationException("stub");
  }

  public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signature) {
    throw new UnsupportedOperationException("stub");
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException("stub");
  }
}
