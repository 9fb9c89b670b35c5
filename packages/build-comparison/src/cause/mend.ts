/** Where a cause comes from in the sources, as far as a line says so by itself. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "./explain.ts";
import type { Cause } from "./scene.ts";

export interface Place {
  file: string;
  line: number;
}

const tools: Partial<Record<Finding["format"], RegExp>> = {
  tar: /\btar\s+(?:-?[a-z]*c[a-z]*\b|--create)|\btarfile\.open|make_archive\(/,
  zip: /\bzip\s+-|\bjar\s+-?-?c|zipfile\.ZipFile|make_archive\(/,
  gzip: /\bgzip\b(?!\s+-\w*[nd])|\bgzip\.(open|GzipFile)|\btar\s+-?[a-z]*z/,
  ar: /\bar\s+-?[a-z]*r(?![a-zA-Z]*D)/,
  image: /\b(docker|podman|buildah|buildctl|kaniko|skopeo|umoci)\b/,
  pe: /-mingw32-|\blink\.exe\b|GOOS=windows/,
  pyc: /compileall|py_compile/,
};
const contents: Partial<Record<Cause, RegExp>> = {
  timestamp:
    /__DATE__|__TIME__|\bdate\b(?!:)(?=\s+[+-]|\s*[)`>|]|\s*$)|datetime\.(now|utcnow|today)|time\.time\(|new Date\(\)|Date\.now\(|strftime|time\.Now\(/,
  "build-path": /__FILE__|\bpwd\b|\$PWD|getcwd|__dirname|\s-g\b/,
  hostname: /\bhostname\b|gethostname|uname\s+-n|platform\.node/,
  kernel: /uname\s+-[ravs]|platform\.(release|uname)|os\.release/,
  user: /\bwhoami\b|id\s+-u|\$USER\b|\$LOGNAME\b|getpass|getuser|getlogin/,
  uuid: /uuidgen|uuid4|randomUUID|random\/uuid/,
  random: /mktemp|urandom|\$RANDOM|random\./,
  cpus: /\bnproc\b|cpu_count|_NPROCESSORS_ONLN|availableParallelism|os\.cpus/,
  order: /\bfind\b(?!.*\bsort\b)|\bls\s+-\w*U|os\.(listdir|walk|scandir)|wildcard|glob\(/,
  locale: /\bsort\b/,
  environment: /\benv\b|printenv|os\.environ\b|GITHUB_RUN_/,
  timezone: /\bdate\b|localtime|%[zZ]/,
  home: /\$HOME|~\/|homedir\(|expanduser/,
};

const largest = 256 * 1024;
const mostFiles = 5000;
const textFile =
  /(^|\/)(Makefile|makefile|GNUmakefile|justfile|Rakefile|CMakeLists\.txt|meson\.build|build)$|\.(mk|am|ac|sh|bash|py|js|mjs|cjs|ts|json|toml|cfg|c|cc|cpp|h|hpp|go|rs|java|gradle|kts|rb|pl|cmake|in|ya?ml)$/;

/** Reads sources and answers which line a finding comes from: the one line, or the first of few, that names the tool or call. */
export async function placesOf(
  folder: string,
  paths: readonly string[],
  findings: readonly Pick<Finding, "causes" | "format">[],
): Promise<(Place | undefined)[]> {
  const patterns = findings.map(({ causes, format }) => (format ? tools[format] : contents[causes[0] ?? "unknown"]));
  // Many findings ask for the same.
  const places = new Map(patterns.flatMap((pattern): [RegExp, Place[]][] => (pattern ? [[pattern, []]] : [])));
  const candidates = paths.filter((path) => textFile.test(path) && !/(^|\/)(node_modules|\.git)\//.test(path));
  for (const file of candidates.slice(0, mostFiles)) {
    const lines = (await readText(join(folder, file))).split("\n");
    for (const [pattern, found] of places) {
      if (found.length > 3) continue;
      const at = lines.findIndex(
        (line) => line.length < 2000 && pattern.test(line) && !/^\s*(#(?!define)|\/\/|\*)/.test(line),
      );
      if (at >= 0) found.push({ file, line: at + 1 });
    }
  }
  // With many candidates none of them is worth more than the others.
  return patterns.map((pattern) => {
    const found = pattern ? places.get(pattern)! : [];
    return found.length <= 3 ? found[0] : undefined;
  });
}

async function readText(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    return size > largest ? "" : await file.readFile("utf8");
  } catch {
    return "";
  }
}
