/** Causes in words, and what mends each. Options are those of the tools' own manuals, and of https://reproducible-builds.org/docs/. */
import type { Finding } from "./explain.ts";
import type { Cause } from "./scene.ts";

const words: Record<Cause, string> = {
  timestamp: "the time of the build",
  mtime: "modification times of files",
  owner: "the user or group who built",
  permissions: "permission bits, which follow the umask",
  "build-path": "the folder of the build",
  home: "the home folder",
  "temporary-path": "the temporary folder",
  user: "the user who built",
  hostname: "the name of the machine",
  kernel: "the version of the kernel",
  timezone: "the time zone",
  locale: "the locale",
  cpus: "the number of processors",
  parallelism: "how many jobs run at once",
  environment: "environment variables",
  network: "whether there is a network",
  order: "the order of the same parts",
  address: "addresses of memory",
  uuid: "a random UUID",
  random: "random names or bytes",
  compression: "how it was compressed",
  "build-id": "a build id, made from the content",
  digest: "a digest of something else that differs",
  missing: "files that only one build has",
  metadata: "stored metadata",
  unknown: "bytes whose meaning is not known",
};

/** A cause in a few words, as the object of "differs in". */
export const inWords = (cause: Cause): string => words[cause];

type Format = Finding["format"];

const byFormat: Partial<Record<Cause, Partial<Record<Format, string>>>> = {
  mtime: {
    tar: 'tar stores modification times: pass --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime (GNU tar) when packing.',
    zip: "zip stores modification times: set them before packing (find … -exec touch -d @$SOURCE_DATE_EPOCH), and pass -X; jar has --date, Python's zipfile takes date_time.",
    gzip: "gzip stores a modification time: pass -n.",
    ar: "ar stores modification times: pass D (ar rcsD), or configure binutils with --enable-deterministic-archives.",
    pyc: "Compiled Python stores the time of its source: compile with --invalidation-mode unchecked-hash, or set SOURCE_DATE_EPOCH.",
  },
  owner: {
    tar: "tar stores who owns the files: pass --owner=0 --group=0 --numeric-owner.",
    ar: "ar stores who owns the files: pass D (ar rcsD).",
    zip: "zip stores who owns the files: pass -X.",
  },
  permissions: {
    tar: "tar stores permissions, which follow the umask: pass --mode=go=rX,u+rw,a-s or set the umask in the build.",
    zip: "zip stores permissions, which follow the umask: set them before packing (chmod -R go=rX), or set the umask in the build.",
    ar: "ar stores permissions, which follow the umask: pass D (ar rcsD).",
  },
  order: {
    tar: "Files are packed in the order in which the folder lists them: pass --sort=name (GNU tar).",
    zip: "Files are packed in the order in which the folder lists them: sort the list (find … | LC_ALL=C sort | zip -X -@).",
    ar: "Members are added in the order of a list that is not sorted: sort it (in make, $(sort $(wildcard *.o))).",
  },
  compression: {
    gzip: "The same content was compressed otherwise: fix the program, its version and level (pigz and gzip differ), or compare what is inside.",
  },
  timestamp: {
    image:
      "The image stores when it was made: fix the times of image and history (SOURCE_DATE_EPOCH for BuildKit, with rewrite-timestamp=true for layers; --timestamp for buildah and podman; --created and --history.created for umoci).",
    pe: "The linker stores the time: pass -Wl,--no-insert-timestamp (GNU ld) or /Brepro (MSVC).",
  },
  metadata: {
    gzip: "gzip stores the name of its input: pass -n.",
  },
};

const byCause: Record<Cause, string> = {
  timestamp:
    "Use the time of the commit in place of the clock: export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) and read it where the time is written; gcc uses it for __DATE__ and __TIME__.",
  mtime: "Set modification times before they are stored: touch -d @$SOURCE_DATE_EPOCH.",
  owner: "Do not store who owns the files.",
  permissions: "Set the umask in the build (umask 022), or the permissions before they are stored.",
  "build-path":
    "Keep the folder out of the result: -ffile-prefix-map=$PWD=. for gcc and clang, -trimpath for go, --remap-path-prefix for rustc, relative paths elsewhere.",
  home: "Keep the home folder out of the result, or set HOME to a fixed path in the build.",
  "temporary-path":
    "Use a fixed folder inside the build in place of a temporary one, or map it away like the build's folder.",
  user: "Do not write who built; where a tool insists, set USER and LOGNAME to a fixed name.",
  hostname: "Do not write which machine built; where a tool insists, give it a fixed name.",
  kernel: "Do not write uname into the result: what is built must not depend on the kernel that builds it.",
  timezone: "Set TZ=UTC in the build, or format times in UTC (date -u).",
  locale: "Set LC_ALL=C.UTF-8 in the build, so that sorting and messages are the same everywhere.",
  cpus: "Do not let the number of processors reach the result: split work by its content.",
  parallelism: "Do not let the order in which parallel jobs end reach the result: collect in a fixed order.",
  environment: "Write only the variables that belong to the result, and set those in the build.",
  network: "Pin what is downloaded by its digest, and fail when it cannot be had.",
  order:
    "Sort before writing: file lists (LC_ALL=C sort), keys of maps and sets; fix hash seeds (PYTHONHASHSEED=0, PERL_HASH_SEED=0) where sorting is not possible.",
  address: "Do not write addresses or object ids, such as Python's default repr.",
  uuid: "Make ids from the content (UUID version 5 or a digest) in place of random ones.",
  random: "Fix the seed or make names from the content; mktemp names and random bytes must not reach the result.",
  compression: "Fix the compressor, its version, its level and its number of threads, or compare what is inside.",
  "build-id": "It follows from the content: mend what else differs.",
  digest: "It follows from something else: mend that.",
  missing:
    "The two builds made other files: look for a condition in the build, or for names with a time or a random part.",
  metadata: "Look for an option of the tool that leaves this out.",
  unknown: "Nothing known explains it. A report of diffoscope shows the bytes by their meaning (input diffoscope).",
};

/** What to do about a finding, in a sentence or two. */
export function adviceFor({ causes, format, what }: Pick<Finding, "causes" | "format" | "what">): string {
  const advice = causes.map((cause) => {
    if (cause === "metadata" && what === "name") return byFormat.metadata?.[format] ?? byCause.metadata;
    return (cause === "metadata" ? undefined : byFormat[cause]?.[format]) ?? byCause[cause];
  });
  return [...new Set(advice)].join(" ");
}
