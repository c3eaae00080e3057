package org.bonafone.guard;

import android.app.Application;
import android.os.Handler;
import android.os.Looper;
import android.util.Log;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.json.JSONException;
import org.json.JSONObject;

/** What all parts of the app share: the bridge, one thread for slow work, the last state, the log of verdicts. */
public final class GuardApplication extends Application {
  static final String TAG = "Bonafone";
  private static final String MODEL = "model.tflite";

  /** Called on the main thread with each new state. */
  interface StateListener {
    void onState(JSONObject state);
  }

  private final ExecutorService worker = Executors.newSingleThreadExecutor();
  private final ExecutorService scans = Executors.newSingleThreadExecutor();
  private final Object making = new Object();
  private final CopyOnWriteArrayList<StateListener> listeners = new CopyOnWriteArrayList<>();
  private Handler main;
  private VerdictLog verdicts;
  private Phone phone;
  private volatile GuardBridge bridge;
  private volatile JSONObject lastState = new JSONObject();
  private volatile boolean guarding;

  @Override
  public void onCreate() {
    super.onCreate();
    main = new Handler(Looper.getMainLooper());
    verdicts = new VerdictLog(new File(getFilesDir(), "verdicts.json"));
    phone = new Phone(this);
    Notices.createChannels(this);
  }

  /** The thread for short work that must not run on the main one: Python and files. */
  ExecutorService worker() {
    return worker;
  }

  /** The thread for recordings, which takes minutes and waits for nobody. */
  ExecutorService scans() {
    return scans;
  }

  VerdictLog verdicts() {
    return verdicts;
  }

  Phone phone() {
    return phone;
  }

  /**
   * The bridge, made at the first call, which takes a second or two: never on the main thread.
   *
   * @throws IOException if the model cannot be read from the app
   */
  GuardBridge bridge() throws IOException {
    synchronized (making) {
      if (bridge == null) {
        byte[] model = readModel();
        File file = new File(getFilesDir(), MODEL);
        // Python reads the contract from a file; an update of the app brings another model.
        try (OutputStream out = new FileOutputStream(file)) {
          out.write(model);
        }
        bridge = new ChaquopyBridge(this, file, new LiteRtScorer(model, 1), phone, "");
      }
      return bridge;
    }
  }

  /** The bridge if it was made already, else null: for what makes sense only while a call is guarded. */
  GuardBridge bridgeIfMade() {
    return bridge;
  }

  /** Whether a call is guarded now. */
  boolean isGuarding() {
    return guarding;
  }

  void setGuarding(boolean now) {
    guarding = now;
  }

  /** Makes an answer of the bridge the state that is shown, and returns it. */
  JSONObject publish(String answer) {
    JSONObject state = parse(answer);
    lastState = state;
    main.post(() -> listeners.forEach(listener -> listener.onState(state)));
    return state;
  }

  JSONObject lastState() {
    return lastState;
  }

  void addListener(StateListener listener) {
    listeners.add(listener);
  }

  void removeListener(StateListener listener) {
    listeners.remove(listener);
  }

  /** An answer of the bridge as an object; what is none becomes an {@code error}. */
  static JSONObject parse(String answer) {
    try {
      JSONObject parsed = new JSONObject(answer);
      if (parsed.has("error")) {
        Log.w(TAG, parsed.optString("kind") + ": " + parsed.optString("error"));
      }
      return parsed;
    } catch (JSONException error) {
      Log.e(TAG, "the bridge answered no JSON", error);
      return failure(error);
    }
  }

  /** The object that stands for an exception, as the bridge has it. */
  static JSONObject failure(Exception error) {
    JSONObject failed = new JSONObject();
    try {
      failed.put("error", String.valueOf(error.getMessage()));
      failed.put("kind", error.getClass().getSimpleName());
    } catch (JSONException impossible) {
      throw new IllegalStateException(impossible);
    }
    return failed;
  }

  private byte[] readModel() throws IOException {
    try (InputStream in = getAssets().open(MODEL)) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      byte[] block = new byte[65536];
      for (int count = in.read(block); count > 0; count = in.read(block)) {
        bytes.write(block, 0, count);
      }
      return bytes.toByteArray();
    }
  }
}
