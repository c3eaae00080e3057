package phone;

import java.util.ArrayList;
import java.util.List;

/** Vibrator and notifications of a phone that writes down what it was told. */
public final class Phone {
  public final List<String> buzzes = new ArrayList<>();
  public final List<String> notices = new ArrayList<>();
  public int cancelled;
  public boolean broken;

  public void buzz(String pattern) {
    if (broken) {
      throw new IllegalStateException("no vibrator");
    }
    buzzes.add(pattern);
  }

  public void cancel() {
    cancelled++;
  }

  public void show(String notice) {
    notices.add(notice);
  }
}
