package org.bonafone.guard;

import android.app.NotificationManager;
import android.app.Service;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.os.Build;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.util.Log;
import java.io.IOException;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * During the call: listens as long as the user wants and keeps the app in the foreground, which Android asks for before
 * it gives the microphone. It is started from the screen only; a stock phone gives it silence during its own calls, and
 * then it says so.
 */
public final class GuardService extends Service implements Listener.Sink {
  private static final String ACTION_STOP = "org.bonafone.guard.STOP";

  private final Handler main = new Handler(Looper.getMainLooper());
  private Listener listener;
  private boolean destroyed;
  private String shown = "";

  /** Starts listening; the activity must be visible, and the microphone allowed. */
  static void start(Context context) {
    context.startForegroundService(new Intent(context, GuardService.class));
  }

  static void stop(Context context) {
    context.startService(new Intent(context, GuardService.class).setAction(ACTION_STOP));
  }

  @Override
  public int onStartCommand(Intent intent, int flags, int startId) {
    boolean stopping = intent == null || ACTION_STOP.equals(intent.getAction());
    if (stopping && listener != null) {
      listener.finish(); // the service ends when the thread has judged what was still held
    } else if (stopping) {
      stopSelf();
    } else if (listener == null) {
      listen();
    }
    return START_NOT_STICKY;
  }

  @Override
  public void onDestroy() {
    destroyed = true;
    if (listener != null) {
      listener.finish();
    }
    super.onDestroy();
  }

  @Override
  public IBinder onBind(Intent intent) {
    return null;
  }

  @Override
  public GuardBridge bridge() throws IOException {
    return application().bridge();
  }

  @Override
  public void onAnswer(String answer) {
    JSONObject state = application().publish(answer);
    main.post(() -> show(States.text(this, state)));
  }

  @Override
  public void onEnd(String closed, String timeline) {
    application().setGuarding(false);
    JSONObject report = application().publish(closed);
    if (!report.has("error")) {
      JSONArray points = GuardApplication.parse(timeline).optJSONArray("points");
      application().verdicts().add("live", report, points == null ? new JSONArray() : points);
    }
    // A recording that came while the call was guarded waits for its turn.
    RecorderWatcher.scanSoon(this);
    stopSelf();
  }

  @Override
  public void onFailure(Exception error) {
    Log.e(GuardApplication.TAG, "the call cannot be guarded", error);
    application().setGuarding(false);
    application().publish(GuardApplication.failure(error).toString());
    stopSelf();
  }

  /** A call's identity for the bridge; it says nothing about who called. */
  static String callFacts(String route) {
    try {
      JSONObject facts = new JSONObject();
      facts.put("id", "live-" + System.currentTimeMillis());
      facts.put("route", route);
      return facts.toString();
    } catch (JSONException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private void listen() {
    String text = getString(R.string.state_starting);
    try {
      if (Build.VERSION.SDK_INT >= 30) {
        startForeground(
            Notices.LISTENING, Notices.listening(this, text), ServiceInfo.FOREGROUND_SERVICE_TYPE_MICROPHONE);
      } else {
        startForeground(Notices.LISTENING, Notices.listening(this, text));
      }
    } catch (RuntimeException error) { // not allowed from where it was started, or the permission was taken away
      onFailure(error);
      return;
    }
    application().setGuarding(true);
    listener = new Listener(this, this);
    listener.start();
  }

  /** Brings the notification up to date; on the main thread, so that none is left when the service is gone. */
  private void show(String text) {
    if (!destroyed && !text.equals(shown)) {
      shown = text;
      getSystemService(NotificationManager.class).notify(Notices.LISTENING, Notices.listening(this, text));
    }
  }

  private GuardApplication application() {
    return (GuardApplication) getApplication();
  }
}
