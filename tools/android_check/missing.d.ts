// What the package's declarations lack, written by hand from the Android reference, in the same form: android.app.job,
// which is a module of its own since Android 12. Only what the app uses.
declare module android {
	export module app {
		export module job {
			export class JobInfo extends java.lang.Object {
			}
			export module JobInfo {
				export class Builder extends java.lang.Object {
					public constructor(jobId: number, jobService: android.content.ComponentName);
					/** @since 24 */
					public addTriggerContentUri(uri: android.app.job.JobInfo.TriggerContentUri): android.app.job.JobInfo.Builder;
					public build(): android.app.job.JobInfo;
					public setMinimumLatency(minLatencyMillis: number): android.app.job.JobInfo.Builder;
					public setPeriodic(intervalMillis: number): android.app.job.JobInfo.Builder;
					public setPersisted(isPersisted: boolean): android.app.job.JobInfo.Builder;
					/** @since 24 */
					public setTriggerContentMaxDelay(durationMs: number): android.app.job.JobInfo.Builder;
					/** @since 24 */
					public setTriggerContentUpdateDelay(durationMs: number): android.app.job.JobInfo.Builder;
				}
				/** @since 24 */
				export class TriggerContentUri extends java.lang.Object {
					public static FLAG_NOTIFY_FOR_DESCENDANTS: 1;
					public constructor(uri: android.net.Uri, flags: number);
				}
			}
			export class JobParameters extends java.lang.Object {
				public getJobId(): number;
			}
			export abstract class JobScheduler extends java.lang.Object {
				/** @since 24 */
				public getPendingJob(jobId: number): android.app.job.JobInfo;
				public schedule(job: android.app.job.JobInfo): number;
			}
			export abstract class JobService extends android.app.Service {
				public constructor();
				public onBind(intent: android.content.Intent): android.os.IBinder;
				public jobFinished(params: android.app.job.JobParameters, wantsReschedule: boolean): void;
				public onStartJob(params: android.app.job.JobParameters): boolean;
				public onStopJob(params: android.app.job.JobParameters): boolean;
			}
		}
	}
}
