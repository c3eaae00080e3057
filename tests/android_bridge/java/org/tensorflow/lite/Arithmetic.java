package org.tensorflow.lite;

/**
 * What computes behind the {@link Interpreter} of the tests: LiteRT in Python. Lists come back as text, since pyjnius
 * returns no arrays.
 */
public interface Arithmetic {
  /** Names, separated by spaces. */
  String inputs();

  String outputs();

  /** Sizes, separated by spaces. */
  String inputShape(String name);

  String outputShape(String name);

  void set(String input, float[] values);

  void invoke();

  /** Little-endian float32 as base64. */
  String get(String output);
}
