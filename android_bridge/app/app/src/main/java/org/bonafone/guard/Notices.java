package org.bonafone.guard;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.graphics.drawable.Icon;

/** The notifications and their channels. No text holds a number, a name or a file name. */
final class Notices {
  /** The notification of {@link GuardService} while it listens. */
  static final int LISTENING = 1;

  private static final int ALARM = 2;
  private static final int UNHEARD = 3;
  private static final int RECORDING = 4;
  private static final int CAUTION = 5;

  private static final String CHANNEL_ALARM = "alarm";
  private static final String CHANNEL_CAUTION = "caution";
  private static final String CHANNEL_RECORDING = "recording";
  private static final String CHANNEL_STATE = "state";

  private Notices() {}

  static void createChannels(Context context) {
    NotificationManager manager = context.getSystemService(NotificationManager.class);
    NotificationChannel alarm =
        channel(context, CHANNEL_ALARM, R.string.channel_alarm, NotificationManager.IMPORTANCE_HIGH);
    // The buzz comes from Phone, which is felt during a call too: twice at once would blur it.
    alarm.enableVibration(false);
    alarm.setSound(null, null);
    manager.createNotificationChannel(alarm);
    manager.createNotificationChannel(
        channel(context, CHANNEL_CAUTION, R.string.channel_caution, NotificationManager.IMPORTANCE_HIGH));
    manager.createNotificationChannel(
        channel(context, CHANNEL_RECORDING, R.string.channel_recording, NotificationManager.IMPORTANCE_HIGH));
    manager.createNotificationChannel(
        channel(context, CHANNEL_STATE, R.string.channel_state, NotificationManager.IMPORTANCE_LOW));
  }

  /** The one that keeps {@link GuardService} in the foreground. */
  static Notification listening(Context context, String text) {
    return builder(context, CHANNEL_STATE, context.getString(R.string.app_name), text).setOngoing(true).build();
  }

  /** The notices of the bridge during a call: "spoof" with the button that answers it, the rest quietly. */
  static void showLive(Context context, String kind, String title, String text) {
    boolean alarm = "spoof".equals(kind);
    Notification.Builder builder = builder(context, alarm ? CHANNEL_ALARM : CHANNEL_STATE, title, text);
    if (alarm) {
      PendingIntent answer =
          PendingIntent.getBroadcast(
              context, 0, new Intent(context, AcknowledgeReceiver.class), PendingIntent.FLAG_IMMUTABLE);
      Icon icon = Icon.createWithResource(context, R.drawable.ic_guard);
      String label = context.getString(R.string.acknowledge);
      builder
          .setCategory(Notification.CATEGORY_ALARM)
          .addAction(new Notification.Action.Builder(icon, label, answer).build());
    }
    show(context, alarm ? ALARM : UNHEARD, builder.build());
  }

  /** The verdict on a recording that a call left behind. */
  static void showRecording(Context context, String text) {
    String title = context.getString(R.string.recording_title);
    show(context, RECORDING, builder(context, CHANNEL_RECORDING, title, text).build());
  }

  /** Caution about a number, while it rings. */
  static void showCaution(Context context, String text) {
    Notification.Builder builder = builder(context, CHANNEL_CAUTION, context.getString(R.string.caution_title), text);
    show(context, CAUTION, builder.setCategory(Notification.CATEGORY_STATUS).build());
  }

  static void cancelAlarm(Context context) {
    context.getSystemService(NotificationManager.class).cancel(ALARM);
  }

  private static void show(Context context, int id, Notification notification) {
    context.getSystemService(NotificationManager.class).notify(id, notification);
  }

  private static Notification.Builder builder(Context context, String channel, String title, String text) {
    PendingIntent open =
        PendingIntent.getActivity(
            context, 0, new Intent(context, MainActivity.class), PendingIntent.FLAG_IMMUTABLE);
    return new Notification.Builder(context, channel)
        .setSmallIcon(R.drawable.ic_guard)
        .setContentTitle(title)
        .setContentText(text)
        .setStyle(new Notification.BigTextStyle().bigText(text))
        .setContentIntent(open);
  }

  private static NotificationChannel channel(Context context, String id, int name, int importance) {
    return new NotificationChannel(id, context.getString(name), importance);
  }
}
