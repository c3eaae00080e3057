package org.bonafone.guard;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** The button of the alarm: stops the buzz, so that no reminder follows. */
public final class AcknowledgeReceiver extends BroadcastReceiver {
  @Override
  public void onReceive(Context context, Intent intent) {
    GuardApplication application = (GuardApplication) context.getApplicationContext();
    PendingResult pending = goAsync();
    application
        .worker()
        .execute(
            () -> {
              acknowledge(application);
              pending.finish();
            });
  }

  /** Answers the alarm of the call that is guarded; without one, what still vibrates is stopped all the same. */
  static void acknowledge(GuardApplication application) {
    application.phone().cancel();
    Notices.cancelAlarm(application);
    GuardBridge bridge = application.bridgeIfMade();
    if (bridge != null && application.isGuarding()) {
      application.publish(bridge.acknowledge());
    }
  }
}
