/** Seventy small builds with real tools. Each lets one known thing into its result, or nothing. */
import type { Cause, VariationName } from "@goatnote/build-comparison";
import { noon } from "./noon.ts";

export interface Animal {
  name: string;
  /** What leaks, in words; "" for nothing. */
  leak: string;
  /** Programs that it needs beside bash and coreutils. */
  tools: string[];
  files: Record<string, string>;
  build: string;
  /** What it makes. */
  artifact: string;
  /** The causes that are to be named, no other; [] for a build that leaks nothing. */
  causes: Cause[];
  /** One variation that brings the leak about; `always` when two builds under equal conditions differ. */
  by?: VariationName | "always";
}

const texts = { "src/c.txt": "c\n", "src/a.txt": "a\n", "src/b.txt": "b\n", "src/d.txt": "d\n", "src/e.txt": "e\n" };
const hello = { "src/a.c": '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' };
const python = { "src/a.py": "def greet():\n    return 'hello'\n" };
const tarAll = "--sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime=@0 --format=gnu";
const without = (option: string): string =>
  tarAll
    .split(" ")
    .filter((each) => !each.startsWith(option))
    .join(" ");

/** A wheel by Python's zipfile: a module, and a RECORD with the digests of its members. */
const wheel = `
import base64, hashlib, time, zipfile
stamp = STAMP
body = ("built = %r\\n" % stamp).encode()
digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
with zipfile.ZipFile("lab-1-py3-none-any.whl", "w") as out:
    for name, content in (("lab.py", body), ("lab-1.dist-info/RECORD", ("lab.py,sha256=%s,%d\\n" % (digest, len(body))).encode())):
        out.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
`;

/** A docker-archive: a layer, a configuration named by its digest, and the manifest that names both. */
const image = `
mkdir -p layer/app out
cp src/a.txt layer/app/
tar ${tarAll} -C layer -cf out/layer.tar .
layer=$(sha256sum out/layer.tar | cut -d' ' -f1)
mv out/layer.tar "out/$layer.tar"
printf '{"created":"%s","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$CREATED" "$layer" > out/config
config=$(sha256sum out/config | cut -d' ' -f1)
mv out/config "out/$config.json"
printf '[{"Config":"%s.json","Layers":["%s.tar"]}]' "$config" "$layer" > out/manifest.json
tar ${tarAll} -C out -cf image.tar .
`;

/** An OCI layout with one layer, made by umoci; what is not fixed by an option leaks. */
const created = "2020-01-01T00:00:00Z";
const oci = (options: { layer?: string; image?: string; before?: string }): string => `
chmod -R go=rX src
${options.before ?? "find src -exec touch -d @0 {} +"}
umoci init --layout oci
umoci new --image oci:lab
umoci insert --rootless --image oci:lab ${options.layer ?? `--history.created ${created}`} src /app
umoci config --image oci:lab --no-history --created ${created} ${options.image ?? ""}
umoci gc --layout oci
`;

/** The same, as `docker save` writes it. */
const dockerArchive = (options: Parameters<typeof oci>[0]): string =>
  `${oci(options)}skopeo --insecure-policy copy -q --tmpdir "$TMPDIR" oci:oci:lab docker-archive:image.tar`;

const assembly = { "src/a.s": ".globl start\nstart:\n\tret\n" };
const windows = "x86_64-w64-mingw32";

const deb = `
mkdir -p pkg/DEBIAN pkg/usr/share/lab
cp src/a.txt pkg/usr/share/lab/
printf 'Package: lab\\nVersion: 1\\nArchitecture: all\\nMaintainer: Ada <ada@example.org>\\nDescription: lab\\n' > pkg/DEBIAN/control
chmod -R go=rX,u+rw pkg
`;

const parallel = `all: one two three
one:
\t@sleep 0.4; echo one >> list
two:
\t@sleep 0.2; echo two >> list
three:
\t@echo three >> list
`;

export const zoo: Animal[] = [
  // Archives
  {
    name: "tar-mtime",
    leak: "modification times of sources",
    tools: ["tar"],
    files: texts,
    build: `tar ${without("--mtime")} -cf out.tar src`,
    artifact: "out.tar",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "tar-owner",
    leak: "who builds",
    tools: ["tar"],
    files: texts,
    build: `tar ${without("--owner").replace("--group=0", "").replace("--numeric-owner", "")} -cf out.tar src`,
    artifact: "out.tar",
    causes: ["owner"],
    by: "user",
  },
  {
    name: "tar-mode",
    leak: "the umask of the checkout",
    tools: ["tar"],
    files: texts,
    build: `tar ${without("--mode")} -cf out.tar src`,
    artifact: "out.tar",
    causes: ["permissions"],
    by: "umask",
  },
  {
    name: "tar-order",
    leak: "the order in which a folder lists",
    tools: ["tar"],
    files: texts,
    build: `tar ${without("--sort")} -cf out.tar src`,
    artifact: "out.tar",
    causes: ["order"],
    by: "file-order",
  },
  {
    name: "tar-xz-mtime",
    leak: "modification times, below xz",
    tools: ["tar", "xz"],
    files: texts,
    build: `tar ${without("--mtime")} -cJf out.tar.xz src`,
    artifact: "out.tar.xz",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "gzip-mtime",
    leak: "the time of the compressed file",
    tools: ["gzip"],
    files: texts,
    build: "gzip -k src/a.txt",
    artifact: "src/a.txt.gz",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "zip-mtime",
    leak: "modification times of sources",
    tools: ["zip"],
    files: texts,
    build: "export TZ=UTC; chmod -R go=rX src; find src -type f | LC_ALL=C sort | zip -qX out.zip -@",
    artifact: "out.zip",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "zip-timezone",
    leak: "the time zone, in local times",
    tools: ["zip"],
    files: texts,
    build:
      "chmod -R go=rX src; find src -exec touch -d 2020-01-01T00:00:00Z {} +; find src -type f | LC_ALL=C sort | zip -qX out.zip -@",
    artifact: "out.zip",
    causes: ["timezone"],
    by: "timezone",
  },
  {
    name: "zip-order",
    leak: "the order in which a folder lists",
    tools: ["zip"],
    files: texts,
    build:
      "export TZ=UTC; chmod -R go=rX src; find src -exec touch -d 2020-01-01T00:00:00Z {} +; find src -type f | zip -qX out.zip -@",
    artifact: "out.zip",
    causes: ["order"],
    by: "file-order",
  },
  {
    name: "jar-time",
    leak: "the time of packing",
    tools: ["jar"],
    files: texts,
    build:
      "export TZ=UTC; chmod -R go=rX src; find src -exec touch -d 2020-01-01T00:00:00Z {} +; jar cf out.jar src/a.txt",
    artifact: "out.jar",
    causes: ["mtime"],
    by: "always",
  },
  {
    name: "ar-owner",
    leak: "who builds",
    tools: ["gcc", "ar"],
    files: hello,
    build: "gcc -c src/a.c -o a.o; chmod 644 a.o; touch -d @0 a.o; ar rcUS out.a a.o",
    artifact: "out.a",
    causes: ["owner"],
    by: "user",
  },
  {
    name: "ar-order",
    leak: "the order in which a folder lists",
    tools: ["ar"],
    files: texts,
    build: "ar rcD out.a $(find src -type f)",
    artifact: "out.a",
    causes: ["order"],
    by: "file-order",
  },
  {
    name: "deb-time",
    leak: "the time of packing",
    tools: ["dpkg-deb"],
    files: texts,
    build: `${deb}dpkg-deb --root-owner-group -b pkg lab.deb`,
    artifact: "lab.deb",
    causes: ["mtime"],
    by: "always",
  },
  {
    name: "wheel-time",
    leak: "the time of the build, in a module of a wheel",
    tools: ["python3"],
    files: { "pack.py": wheel.replace("STAMP", "int(time.time())") },
    build: "python3 pack.py",
    artifact: "*.whl",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "image-time",
    leak: "the time of the build, in a container image",
    tools: ["tar"],
    files: texts,
    build: `CREATED=$(date -u +%FT%TZ)\n${image}`,
    artifact: "image.tar",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "zstd-host",
    leak: "the name of the machine, below zstd",
    tools: ["zstd"],
    files: texts,
    build: "uname -n > out; zstd -q out",
    artifact: "out.zst",
    causes: ["hostname"],
    by: "hostname",
  },
  {
    name: "oci-created",
    leak: "the time of the build, in the history of an image",
    tools: ["umoci"],
    files: texts,
    build: oci({ layer: " " }),
    artifact: "oci",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "oci-mtime",
    leak: "modification times of sources, in a layer of an image",
    tools: ["umoci"],
    files: texts,
    build: oci({ before: "true" }),
    artifact: "oci",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "oci-annotation",
    leak: "the name of the machine, in an annotation of an image",
    tools: ["umoci"],
    files: texts,
    build: oci({ image: '--manifest.annotation "built-on=$(uname -n)"' }),
    artifact: "oci",
    causes: ["hostname"],
    by: "hostname",
  },
  {
    name: "docker-archive-created",
    leak: "the time of the build, in an archive as of docker save",
    tools: ["umoci", "skopeo"],
    files: texts,
    build: dockerArchive({ layer: " " }),
    artifact: "image.tar",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "docker-archive-mtime",
    leak: "modification times of sources, in a layer of such an archive",
    tools: ["umoci", "skopeo"],
    files: texts,
    build: dockerArchive({ before: "true" }),
    artifact: "image.tar",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "zip64-mtime",
    leak: "modification times of sources, in a zip64",
    tools: ["zip"],
    files: texts,
    build: "export TZ=UTC; chmod -R go=rX src; find src -type f | LC_ALL=C sort | zip -qX -fz out.zip -@",
    artifact: "out.zip",
    causes: ["mtime"],
    by: "mtimes",
  },
  // Compilers
  {
    name: "pe-timestamp",
    leak: "the time of linking, in a program for Windows",
    tools: [`${windows}-ld`],
    files: assembly,
    build: `${windows}-as src/a.s -o a.o; ${windows}-ld --insert-timestamp -e start a.o -o out.exe`,
    artifact: "out.exe",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "pe-debug",
    leak: "the time of linking, also in the debug directory and the exports of a library for Windows",
    tools: [`${windows}-ld`],
    files: assembly,
    build: `${windows}-as src/a.s -o a.o; ${windows}-ld --insert-timestamp --build-id --shared --export-all-symbols -e start a.o -o out.dll`,
    artifact: "out.dll",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "gcc-date",
    leak: "__DATE__ and __TIME__",
    tools: ["gcc"],
    files: { "src/a.c": '#include <stdio.h>\nint main(void) { puts(__DATE__ " " __TIME__); return 0; }\n' },
    build: "gcc src/a.c -o out",
    artifact: "out",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "gcc-debug",
    leak: "the folder, in debugging information",
    tools: ["gcc"],
    files: hello,
    build: "gcc -g src/a.c -o out",
    artifact: "out",
    causes: ["build-path"],
    by: "path",
  },
  {
    name: "gcc-file",
    leak: "the folder, by __FILE__",
    tools: ["gcc"],
    files: { "src/a.c": "#include <stdio.h>\nint main(void) { puts(__FILE__); return 0; }\n" },
    build: 'gcc "$PWD/src/a.c" -o out',
    artifact: "out",
    causes: ["build-path"],
    by: "path",
  },
  {
    name: "go-path",
    leak: "the folder, in a package",
    tools: ["go"],
    files: {
      "go.mod": "module example.org/lab\n\ngo 1.21\n",
      "lab.go": 'package lab\n\nfunc Must(ok bool) {\n\tif !ok {\n\t\tpanic("no")\n\t}\n}\n',
    },
    build: "CGO_ENABLED=0 go build -buildvcs=false -o out.a .",
    artifact: "out.a",
    causes: ["build-path"],
    by: "path",
  },
  {
    name: "pyc-mtime",
    leak: "the time of the source",
    tools: ["python3"],
    files: python,
    build: "python3 -m py_compile src/a.py",
    artifact: "src/__pycache__",
    causes: ["mtime"],
    by: "mtimes",
  },
  {
    name: "pyc-path",
    leak: "the folder",
    tools: ["python3"],
    files: python,
    build: 'python3 -m compileall -q --invalidation-mode unchecked-hash "$PWD/src"',
    artifact: "src/__pycache__",
    causes: ["build-path"],
    by: "path",
  },
  // Texts
  {
    name: "date",
    leak: "the time of the build",
    tools: [],
    files: texts,
    build: "date > out",
    artifact: "out",
    causes: ["timestamp"],
    by: "always",
  },
  {
    name: "day",
    leak: "the day of the build",
    tools: [],
    files: texts,
    build: `TZ=${noon} date +%F > out`,
    artifact: "out",
    causes: ["timestamp"],
    by: "time",
  },
  {
    name: "zone",
    leak: "the time zone",
    tools: [],
    files: texts,
    build: "date +%z > out",
    artifact: "out",
    causes: ["timezone"],
    by: "timezone",
  },
  {
    name: "hostname",
    leak: "the name of the machine",
    tools: [],
    files: texts,
    build: "uname -n > out",
    artifact: "out",
    causes: ["hostname"],
    by: "hostname",
  },
  {
    name: "user",
    leak: "who builds",
    tools: [],
    files: texts,
    build: "id -un > out",
    artifact: "out",
    causes: ["user"],
    by: "user",
  },
  {
    name: "kernel",
    leak: "the version of the kernel",
    tools: [],
    files: texts,
    build: "uname -r > out",
    artifact: "out",
    causes: ["kernel"],
    by: "kernel",
  },
  {
    name: "cpus",
    leak: "the number of processors",
    tools: [],
    files: texts,
    build: "nproc > out",
    artifact: "out",
    causes: ["cpus"],
    by: "cpus",
  },
  {
    name: "umask",
    leak: "the umask",
    tools: [],
    files: texts,
    build: "umask > out",
    artifact: "out",
    causes: ["permissions"],
    by: "umask",
  },
  {
    name: "executable",
    leak: "a permission that follows the umask",
    tools: [],
    files: texts,
    build: "case $(umask) in *02?) cp src/a.txt out; chmod 644 out;; *) cp src/a.txt out; chmod 755 out;; esac",
    artifact: "out",
    causes: ["permissions"],
    by: "umask",
  },
  {
    name: "home",
    leak: "the home folder",
    tools: [],
    files: texts,
    build: 'echo "cache = $HOME/.lab" > out',
    artifact: "out",
    causes: ["home"],
    by: "home",
  },
  {
    name: "path",
    leak: "the folder of the build",
    tools: [],
    files: texts,
    build: 'echo "root = $PWD" > out',
    artifact: "out",
    causes: ["build-path"],
    by: "path",
  },
  {
    name: "environment",
    leak: "a variable of the job",
    tools: [],
    files: texts,
    build: 'echo "path = $PATH" > out',
    artifact: "out",
    causes: ["environment"],
    by: "environment",
  },
  {
    name: "sort",
    leak: "the locale, by sort",
    tools: [],
    files: { list: "z\nB\na\nu\nA\nZ\n" },
    build: "sort list > out",
    artifact: "out",
    causes: ["locale"],
    by: "locale",
  },
  {
    name: "listing",
    leak: "the order in which a folder lists",
    tools: [],
    files: texts,
    build: "ls -U src > out",
    artifact: "out",
    causes: ["order"],
    by: "file-order",
  },
  {
    name: "race",
    leak: "which parallel job ends first",
    tools: ["make"],
    files: { Makefile: parallel },
    build: "make -s",
    artifact: "list",
    causes: ["parallelism"],
    by: "parallelism",
  },
  {
    name: "network",
    leak: "whether there is a network",
    tools: [],
    files: texts,
    build: "grep -c : /proc/net/dev > out",
    artifact: "out",
    causes: ["network"],
    by: "network",
  },
  {
    name: "address",
    leak: "an address in memory",
    tools: ["gcc"],
    files: { "src/a.c": '#include <stdio.h>\nint main(void) { int x; printf("%p\\n", (void *)&x); return 0; }\n' },
    build: "gcc src/a.c -o a; ./a > out",
    artifact: "out",
    causes: ["address"],
    by: "aslr",
  },
  {
    name: "hash-seed",
    leak: "the order of a set, by a random seed",
    tools: ["python3"],
    files: texts,
    build: "python3 -c 'print({str(i) * 3 for i in range(40)})' > out",
    artifact: "out",
    causes: ["order"],
    by: "always",
  },
  {
    name: "uuid",
    leak: "a random UUID",
    tools: [],
    files: texts,
    build: "cat /proc/sys/kernel/random/uuid > out",
    artifact: "out",
    causes: ["uuid"],
    by: "always",
  },
  {
    name: "random",
    leak: "random bytes",
    tools: [],
    files: texts,
    build: "head -c 64 /dev/urandom > out",
    artifact: "out",
    causes: ["random"],
    by: "always",
  },
  {
    name: "mktemp",
    leak: "the name of a temporary folder",
    tools: [],
    files: texts,
    build: 'echo "made in $(mktemp -d)" > out',
    artifact: "out",
    causes: ["random", "temporary-path"],
    by: "always",
  },
  {
    name: "sqlite-time",
    leak: "the time of the build, in a database",
    tools: ["sqlite3"],
    files: texts,
    build: `sqlite3 out.db "create table t(x); insert into t values (datetime('now'));"`,
    artifact: "out.db",
    causes: ["timestamp"],
    by: "always",
  },
  // Nothing
  {
    name: "clean-tar",
    leak: "",
    tools: ["tar"],
    files: texts,
    build: `tar ${tarAll} -cf - src | gzip -n > out.tar.gz`,
    artifact: "out.tar.gz",
    causes: [],
  },
  {
    name: "clean-zip",
    leak: "",
    tools: ["zip"],
    files: texts,
    build:
      "export TZ=UTC; chmod -R go=rX src; find src -exec touch -d 2020-01-01T00:00:00Z {} +; find src -type f | LC_ALL=C sort | zip -qX out.zip -@",
    artifact: "out.zip",
    causes: [],
  },
  {
    name: "clean-jar",
    leak: "",
    tools: ["jar"],
    files: texts,
    build: "jar --create --file out.jar --date 2020-01-01T00:00:00Z src/a.txt",
    artifact: "out.jar",
    causes: [],
  },
  {
    name: "clean-ar",
    leak: "",
    tools: ["gcc", "ar"],
    files: hello,
    build: "gcc -c src/a.c -o a.o; ar rcD out.a a.o",
    artifact: "out.a",
    causes: [],
  },
  {
    name: "clean-deb",
    leak: "",
    tools: ["dpkg-deb"],
    files: texts,
    build: `export SOURCE_DATE_EPOCH=1577836800\n${deb}dpkg-deb --root-owner-group -b pkg lab.deb`,
    artifact: "lab.deb",
    causes: [],
  },
  {
    name: "clean-gcc",
    leak: "",
    tools: ["gcc"],
    files: hello,
    build: 'gcc -g -ffile-prefix-map="$PWD"=. src/a.c -o out',
    artifact: "out",
    causes: [],
  },
  {
    name: "clean-go",
    leak: "",
    tools: ["go"],
    files: {
      "go.mod": "module example.org/lab\n\ngo 1.21\n",
      "main.go": 'package main\n\nfunc main() { println("hello") }\n',
    },
    build: "CGO_ENABLED=0 go build -trimpath -buildvcs=false -o out .",
    artifact: "out",
    causes: [],
  },
  {
    name: "clean-pyc",
    leak: "",
    tools: ["python3"],
    files: python,
    build: "python3 -m compileall -q --invalidation-mode unchecked-hash src",
    artifact: "src/__pycache__",
    causes: [],
  },
  {
    name: "clean-wheel",
    leak: "",
    tools: ["python3"],
    files: { "pack.py": wheel.replace("STAMP", "1577836800") },
    build: "python3 pack.py",
    artifact: "*.whl",
    causes: [],
  },
  {
    name: "clean-image",
    leak: "",
    tools: ["tar"],
    files: texts,
    build: `CREATED=2020-01-01T00:00:00Z\n${image}`,
    artifact: "image.tar",
    causes: [],
  },
  {
    name: "clean-oci",
    leak: "",
    tools: ["umoci"],
    files: texts,
    build: oci({}),
    artifact: "oci",
    causes: [],
  },
  {
    name: "clean-docker-archive",
    leak: "",
    tools: ["umoci", "skopeo"],
    files: texts,
    build: dockerArchive({}),
    artifact: "image.tar",
    causes: [],
  },
  {
    name: "clean-pe",
    leak: "",
    tools: [`${windows}-ld`],
    files: assembly,
    build: `${windows}-as src/a.s -o a.o; ${windows}-ld --no-insert-timestamp -e start a.o -o out.exe`,
    artifact: "out.exe",
    causes: [],
  },
  {
    name: "clean-npm-pack",
    leak: "",
    tools: ["npm"],
    files: { "package.json": '{ "name": "lab", "version": "1.0.0" }\n', "index.js": "export const x = 1;\n" },
    build: "npm pack --silent --offline",
    artifact: "*.tgz",
    causes: [],
  },
  {
    name: "clean-sqlite",
    leak: "",
    tools: ["sqlite3"],
    files: texts,
    build: 'sqlite3 out.db "create table t(x); insert into t values (1);"',
    artifact: "out.db",
    causes: [],
  },
  {
    name: "clean-sort",
    leak: "",
    tools: [],
    files: { list: "z\nB\na\nu\nA\nZ\n" },
    build: "LC_ALL=C sort list > out",
    artifact: "out",
    causes: [],
  },
  {
    name: "clean-set",
    leak: "",
    tools: ["python3"],
    files: texts,
    build: "python3 -c 'print(sorted({str(i) * 3 for i in range(40)}))' > out",
    artifact: "out",
    causes: [],
  },
  {
    name: "clean-make",
    leak: "",
    tools: ["make"],
    files: { Makefile: parallel },
    build: "make -s; sort -o list list",
    artifact: "list",
    causes: [],
  },
];
