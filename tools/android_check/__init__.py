"""What `tools/check_android.py` is made of: stubs of the Android API, API levels, manifest and resources.

No `android.jar` is needed. The declarations come from an npm package, in TypeScript, which is fetched into a cache
and never copied into the repository.

package.py       fetch the npm package
declarations.py  read its TypeScript: classes, members, API levels
missing.d.ts     what it lacks
java_types.py    TypeScript types as Java types and as descriptors
signatures.py    the Java signatures, kept by hand in signatures.txt, where TypeScript says only "number"
needs.py         which classes and members the app's sources name, and what javac needs with them
stubs.py         write those as Java sources; handwritten/ has those of Chaquopy and LiteRT
building.py      compile stubs and app
bytecode.py      instructions of the Java virtual machine
classfile.py     read compiled classes
guards.py        at which API level each instruction runs, given the checks of SDK_INT before it
lookup.py        find a used member in the declarations, and the level it came with
levels.py        compare each use with the level it stands at
manifest.py      rules of the manifest that no compiler knows
resources.py     manifest and resources through aapt2
"""
