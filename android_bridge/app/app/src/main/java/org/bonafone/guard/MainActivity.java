package org.bonafone.guard;

import android.Manifest;
import android.app.Activity;
import android.app.AlertDialog;
import android.app.role.RoleManager;
import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.text.format.DateUtils;
import android.view.View;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.util.List;
import org.json.JSONObject;

/** The one screen: the state, the last verdicts, what this phone can hear, and the buttons. */
public final class MainActivity extends Activity implements GuardApplication.StateListener {
  private static final int ASK_FOLDER = 1;
  private static final int ASK_ROLE = 2;
  private static final int ASK_PERMISSION = 3;
  private static final long REFRESH_MS = 1000;
  private static final int SHOWN_VERDICTS = 10;

  private final Handler main = new Handler(Looper.getMainLooper());
  private final Runnable refresh = this::refreshTimeline;
  private GuardApplication application;

  @Override
  public void onCreate(Bundle saved) {
    super.onCreate(saved);
    setContentView(R.layout.main);
    application = (GuardApplication) getApplication();
    onClick(R.id.listen, this::toggleListening);
    onClick(R.id.acknowledge, () -> application.worker().execute(() -> AcknowledgeReceiver.acknowledge(application)));
    onClick(R.id.test_buzz, this::testBuzz);
    onClick(R.id.choose_folder, this::askFolder);
    onClick(R.id.score_recordings, () -> RecorderWatcher.scanSoon(this));
    onClick(R.id.screening, this::askRole);
    onClick(R.id.contacts, () -> ask(Manifest.permission.READ_CONTACTS, R.string.why_contacts));
  }

  @Override
  public void onResume() {
    super.onResume();
    application.addListener(this);
    onState(application.lastState());
    RecorderWatcher.schedule(this);
    main.post(refresh);
    refreshLists();
    if (Build.VERSION.SDK_INT >= 33 && !CapabilityProbe.isGranted(this, Manifest.permission.POST_NOTIFICATIONS)) {
      askOnce(Manifest.permission.POST_NOTIFICATIONS, R.string.why_notifications);
    }
  }

  @Override
  public void onPause() {
    application.removeListener(this);
    main.removeCallbacks(refresh);
    super.onPause();
  }

  @Override
  public void onState(JSONObject state) {
    TextView line = findViewById(R.id.state);
    line.setText(States.text(this, state));
    line.setTextColor(States.color(state.optString("state")));
    Button listen = findViewById(R.id.listen);
    listen.setText(application.isGuarding() ? R.string.stop : R.string.listen);
    String buzz = state.optString("buzz");
    boolean waiting = buzz.equals("pending") || buzz.equals("reminded");
    findViewById(R.id.acknowledge).setVisibility(waiting ? View.VISIBLE : View.GONE);
    TextView trouble = findViewById(R.id.trouble);
    trouble.setText(state.isNull("trouble") ? "" : state.optString("trouble"));
    if (state.optString("state").equals("closed")) {
      refreshLists();
    }
  }

  @Override
  public void onActivityResult(int request, int result, Intent data) {
    if (request == ASK_FOLDER && result == RESULT_OK && data != null && data.getData() != null) {
      application
          .worker()
          .execute(
              () -> {
                new RecordingFolder(this).choose(data.getData());
                RecorderWatcher.schedule(this);
              });
    }
    refreshLists();
  }

  @Override
  public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
    refreshLists();
  }

  private void toggleListening() {
    if (application.isGuarding()) {
      GuardService.stop(this);
    } else if (CapabilityProbe.isGranted(this, Manifest.permission.RECORD_AUDIO)) {
      GuardService.start(this);
    } else {
      ask(Manifest.permission.RECORD_AUDIO, R.string.why_microphone);
    }
  }

  private void testBuzz() {
    inBackground(() -> GuardApplication.parse(application.bridge().testBuzz()));
  }

  private void askFolder() {
    startActivityForResult(new Intent(Intent.ACTION_OPEN_DOCUMENT_TREE), ASK_FOLDER);
  }

  private void askRole() {
    if (Build.VERSION.SDK_INT < 29) {
      explain(R.string.no_screening_role);
      return;
    }
    RoleManager roles = getSystemService(RoleManager.class);
    if (roles.isRoleAvailable(RoleManager.ROLE_CALL_SCREENING)) {
      startActivityForResult(roles.createRequestRoleIntent(RoleManager.ROLE_CALL_SCREENING), ASK_ROLE);
    } else {
      explain(R.string.no_screening_role);
    }
  }

  /** Says why first; Android's own question comes after that. */
  private void ask(String permission, int why) {
    new AlertDialog.Builder(this)
        .setMessage(why)
        .setPositiveButton(
            R.string.go_on, (dialog, which) -> requestPermissions(new String[] {permission}, ASK_PERMISSION))
        .setNegativeButton(R.string.not_now, null)
        .show();
  }

  private void askOnce(String permission, int why) {
    if (!getPreferences(MODE_PRIVATE).getBoolean(permission, false)) {
      getPreferences(MODE_PRIVATE).edit().putBoolean(permission, true).apply();
      ask(permission, why);
    }
  }

  private void explain(int text) {
    new AlertDialog.Builder(this).setMessage(text).setPositiveButton(R.string.go_on, null).show();
  }

  /** Work that answers with an object, of which an error is shown. */
  private interface Work {
    JSONObject run() throws Exception;
  }

  private void inBackground(Work work) {
    application
        .worker()
        .execute(
            () -> {
              JSONObject answer;
              try {
                answer = work.run();
              } catch (Exception error) { // shown, whatever it is
                answer = GuardApplication.failure(error);
              }
              String text = answer.has("error") ? States.text(this, answer) : "";
              main.post(() -> ((TextView) findViewById(R.id.trouble)).setText(text));
            });
  }

  private void refreshTimeline() {
    GuardBridge bridge = application.bridgeIfMade();
    if (bridge != null && application.isGuarding()) {
      application
          .worker()
          .execute(
              () -> {
                JSONObject timeline = GuardApplication.parse(bridge.timeline());
                main.post(() -> timelineView().setPoints(timeline.optJSONArray("points")));
              });
    }
    main.postDelayed(refresh, REFRESH_MS);
  }

  private void refreshLists() {
    application
        .worker()
        .execute(
            () -> {
              List<CapabilityProbe.Finding> findings = CapabilityProbe.probe(this);
              List<JSONObject> verdicts = application.verdicts().read();
              main.post(() -> showLists(findings, verdicts));
            });
  }

  private void showLists(List<CapabilityProbe.Finding> findings, List<JSONObject> verdicts) {
    LinearLayout abilities = findViewById(R.id.abilities);
    abilities.removeAllViews();
    for (CapabilityProbe.Finding finding : findings) {
      TextView line = addLine(abilities, (finding.good ? "✓ " : "✗ ") + finding.text);
      line.setTextColor(finding.good ? States.GREEN : States.AMBER);
    }
    LinearLayout list = findViewById(R.id.verdicts);
    list.removeAllViews();
    for (JSONObject verdict : verdicts.subList(0, Math.min(SHOWN_VERDICTS, verdicts.size()))) {
      TextView line = addLine(list, verdictText(verdict));
      line.setTextColor(States.color(verdict.optString("verdict")));
      line.setOnClickListener(view -> timelineView().setPoints(verdict.optJSONArray("timeline")));
    }
    if (!verdicts.isEmpty() && !application.isGuarding()) {
      timelineView().setPoints(verdicts.get(0).optJSONArray("timeline"));
    }
  }

  private String verdictText(JSONObject verdict) {
    CharSequence when = DateUtils.getRelativeTimeSpanString(verdict.optLong("at_ms"));
    boolean live = "live".equals(verdict.optString("kind"));
    String kind = getString(live ? R.string.kind_live : R.string.kind_recording);
    String name = States.name(this, verdict.optString("verdict"));
    return getString(R.string.verdict_line, when, kind, name, verdict.optDouble("speech_s", 0));
  }

  private TextView addLine(LinearLayout list, String text) {
    TextView line = new TextView(this);
    line.setText(text);
    int padding = (int) (12 * getResources().getDisplayMetrics().density); // high enough for a finger
    line.setPadding(0, padding, 0, padding);
    list.addView(line);
    return line;
  }

  private TimelineView timelineView() {
    return findViewById(R.id.timeline);
  }

  private void onClick(int id, Runnable act) {
    findViewById(id).setOnClickListener(view -> act.run());
  }
}
