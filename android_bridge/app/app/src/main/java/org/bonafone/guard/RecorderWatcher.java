package org.bonafone.guard;

import android.app.job.JobInfo;
import android.app.job.JobParameters;
import android.app.job.JobScheduler;
import android.app.job.JobService;
import android.content.ComponentName;
import android.content.Context;
import android.provider.MediaStore;
import android.util.Log;
import java.util.concurrent.ConcurrentHashMap;

/**
 * After the call: has each recording that the dialler leaves in the chosen folder scored at once. Android runs this
 * job when a new sound file is announced, and every quarter of an hour where a phone announces none; nothing of the app
 * runs in between.
 */
public final class RecorderWatcher extends JobService {
  private static final int ON_NEW_MEDIA = 1;
  private static final int PERIODIC = 2;
  private static final int ONCE = 3;
  private static final long QUARTER_HOUR_MS = 15 * 60 * 1000L;
  private static final long SETTLE_MS = 2000;
  private static final long SETTLE_AT_MOST_MS = 10000;

  private final ConcurrentHashMap<Integer, RecordingScan> running = new ConcurrentHashMap<>();

  /** Watches from now on, across restarts of the phone; to be called whenever the app starts. */
  static void schedule(Context context) {
    if (new RecordingFolder(context).chosen() == null) {
      return;
    }
    JobScheduler scheduler = context.getSystemService(JobScheduler.class);
    scheduler.schedule(onNewMedia(context));
    if (scheduler.getPendingJob(PERIODIC) == null) {
      scheduler.schedule(job(context, PERIODIC).setPeriodic(QUARTER_HOUR_MS).setPersisted(true).build());
    }
  }

  /** Looks once, as soon as Android lets it. */
  static void scanSoon(Context context) {
    if (new RecordingFolder(context).chosen() != null) {
      context.getSystemService(JobScheduler.class).schedule(job(context, ONCE).setMinimumLatency(1).build());
    }
  }

  @Override
  public boolean onStartJob(JobParameters parameters) {
    GuardApplication application = (GuardApplication) getApplication();
    RecordingScan scan = new RecordingScan(application);
    running.put(parameters.getJobId(), scan);
    application
        .scans()
        .execute(
            () -> {
              try {
                scan.run();
              } catch (Exception error) { // the folder may be gone, or Python broken: the next run tries again
                Log.e(GuardApplication.TAG, "the recordings could not be scored", error);
              }
              running.remove(parameters.getJobId());
              jobFinished(parameters, false);
              // A job on new media runs once; what came meanwhile starts the next one.
              getSystemService(JobScheduler.class).schedule(onNewMedia(this));
            });
    return true;
  }

  @Override
  public boolean onStopJob(JobParameters parameters) {
    RecordingScan scan = running.remove(parameters.getJobId());
    if (scan != null) {
      scan.stop();
    }
    return true;
  }

  private static JobInfo onNewMedia(Context context) {
    JobInfo.TriggerContentUri sounds =
        new JobInfo.TriggerContentUri(
            MediaStore.Audio.Media.EXTERNAL_CONTENT_URI,
            JobInfo.TriggerContentUri.FLAG_NOTIFY_FOR_DESCENDANTS);
    return job(context, ON_NEW_MEDIA)
        .addTriggerContentUri(sounds)
        .setTriggerContentUpdateDelay(SETTLE_MS)
        .setTriggerContentMaxDelay(SETTLE_AT_MOST_MS)
        .build();
  }

  private static JobInfo.Builder job(Context context, int id) {
    return new JobInfo.Builder(id, new ComponentName(context, RecorderWatcher.class));
  }
}
