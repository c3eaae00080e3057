package phone;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bonafone.guard.GuardBridge;

/** An app in a call: it hands on what its recorder gives, piece by piece. */
public final class App {
  private static final int PIECES_PER_S = 50;

  private final GuardBridge guard;
  public final List<String> answers = new ArrayList<>();

  public App(GuardBridge guard) {
    this.guard = guard;
  }

  public void open(String id, String route) {
    answers.add(guard.open("{\"id\": \"" + id + "\", \"route\": \"" + route + "\"}"));
  }

  /** Push PCM16 in pieces of 20 ms, as AudioRecord.read returns them. */
  public void hear(byte[] pcm, int sampleRate, boolean silenced) {
    int step = 2 * (sampleRate / PIECES_PER_S);
    for (int start = 0; start < pcm.length; start += step) {
      byte[] piece = Arrays.copyOfRange(pcm, start, Math.min(start + step, pcm.length));
      answers.add(guard.pushPcm16(piece, sampleRate, silenced));
    }
  }

  public void poll() {
    answers.add(guard.poll());
  }

  public void loseRoute() {
    answers.add(guard.loseRoute());
  }

  public void screen(String facts) {
    answers.add(guard.screen(facts));
  }

  /** Hand on a recording as the phone's decoder gives it: in blocks of no particular length. */
  public void score(byte[] pcm, int sampleRate) {
    answers.add(guard.openRecording(sampleRate));
    for (int start = 0; start < pcm.length; start += 4098) {
      answers.add(guard.pushRecording(Arrays.copyOfRange(pcm, start, Math.min(start + 4098, pcm.length))));
    }
    answers.add(guard.closeRecording());
  }

  public void timeline() {
    answers.add(guard.timeline());
  }

  public void acknowledge() {
    answers.add(guard.acknowledge());
  }

  public void hangUp() {
    answers.add(guard.flush());
    answers.add(guard.close());
  }
}
