// A small API for the tests, in the form of the npm package.
declare module android {
	export module os {
		export class Build extends java.lang.Object {
		}
		export module Build {
			export class VERSION extends java.lang.Object {
				public static SDK_INT: number;
			}
			export class VERSION_CODES extends java.lang.Object {
				public static Q: 29;
				public static TIRAMISU: 33;
			}
		}
		/** @since 33 */
		export class Attributes extends java.lang.Object {
			public static USAGE: 17;
			public constructor();
		}
		export class Listener extends java.lang.Object {
			/**
			 * Constructs a new instance of the android.os.Listener interface with the provided implementation.
			 */
			public constructor(implementation: {
				onBuzz(param0: number): void;
			});
			public constructor();
			public onBuzz(param0: number): void;
		}
		/** @since 29 */
		export class Monitor extends java.lang.Object {
			public constructor(implementation: {
				current(): string;
			});
			public current(): string;
		}
		export class Buzzer extends java.lang.Object implements android.os.Monitor {
			public static LOUD: "loud";
			public constructor();
			public buzz(length: number): void;
			/** @since 33
			 *  @deprecated Deprecated in API 34 */
			public buzz(length: number, how: android.os.Attributes): void;
			public current(): string;
			/** @since 29 */
			public stop(): void;
			public listen(listener: android.os.Listener | null): void;
		}
	}
}
declare module java {
	export module lang {
		export class Object {
			public constructor();
			public toString(): string;
		}
		export class Runnable extends java.lang.Object {
			public constructor(implementation: {
				run(): void;
			});
			public run(): void;
		}
		export class String extends java.lang.Object {
			public length(): number;
			/** @since 33 */
			public isBlank(): boolean;
		}
	}
}
declare module java {
	export module lang {
		export module annotation {
			export class Annotation extends java.lang.Object {
				public constructor(implementation: {
					annotationType(): java.lang.Class<any>;
				});
				public annotationType(): java.lang.Class<any>;
			}
		}
	}
}
