/** Stores and flakes for tests with a real Nix: each store is a folder of its own, and no flake needs nixpkgs. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The generations that tests meet, by the name of the peer. */
export const generations = ["nix", "nix-2.26", "nix-newest"] as const;

/** A store in a folder, and the variables that make Nix use it. */
export interface Lab {
  folder: string;
  environment: Record<string, string>;
  /** Writes a flake. @returns its folder */
  flake: (name: string, body: string, files?: Record<string, string>) => string;
  remove: () => void;
}

// Both without libraries: a sandbox has none of the machine's.
const tools = { busybox: "/bin/busybox", bash: "/bin/bash-static" };

/**
 * An empty store that no network can fill, with the sandbox on. Not below /tmp, which a sandbox has its own of.
 * @param settings further lines of nix.conf
 */
export function makeLab(settings = ""): Lab {
  const folder = realpathSync(mkdtempSync("/var/tmp/nix-lab-"));
  const config = `experimental-features = nix-command flakes
flake-registry =
build-users-group =
sandbox = true
sandbox-fallback = false
substituters =
${settings}
`;
  mkdirSync(join(folder, "conf"));
  writeFileSync(join(folder, "conf/nix.conf"), config);
  return {
    folder,
    environment: {
      NIX_STORE_DIR: join(folder, "store"),
      NIX_STATE_DIR: join(folder, "state"),
      NIX_LOG_DIR: join(folder, "log"),
      NIX_CONF_DIR: join(folder, "conf"),
      NIX_REMOTE: "",
      XDG_CACHE_HOME: join(folder, "cache"),
      // A user's own settings and a daemon of the machine have no part in a test.
      NIX_USER_CONF_FILES: "/dev/null",
    },
    flake: (name, body, files = {}) => {
      const at = join(folder, name);
      mkdirSync(join(at, "bin"), { recursive: true });
      for (const [tool, from] of Object.entries(tools)) cpSync(from, join(at, "bin", tool));
      for (const [file, content] of Object.entries(files)) writeFileSync(join(at, file), content);
      writeFileSync(join(at, "flake.nix"), flakeOf(body));
      return at;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A flake whose derivations are scripts of busybox: `make name script`. */
const flakeOf = (body: string): string => `{
  outputs = { self }: let
    system = "${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux";
    make = name: script: makeWith {} name script;
    # The last process ends a moment after the pipe of its output closes, which Nix now and then takes for a crash.
    makeWith = more: name: script: derivation ({
      inherit name system;
      builder = "\${./bin}/busybox";
      args = [ "sh" "-euc" (script + "\\nexit 0") ];
    } // more);
  in {
    ${body}
  };
}
`;

/**
 * The script of a derivation that makes an image, as dockerTools lays them out: two layers, a configuration and a manifest.
 * @param pack what the archive is piped through, such as `| $b gzip -n`
 * @returns a text of the Nix language
 */
export const imageScript = (pack: string): string => `''
b=\${./bin}/busybox
still() { $b find $1 -exec $b touch -d @1 {} +; }
layer() { mkdir $1; still $2; $b tar -cf $1/layer.tar -C $2 .; $b sha256sum $1/layer.tar | $b cut -c1-64; }
mkdir root1 root2 image; mkdir root1/bin; $b cp $b root1/bin/busybox; echo "serves" > root2/health
cd image
one=$(layer one ../root1); two=$(layer two ../root2)
cat > config <<END
{"created":"1970-01-01T00:00:01+00:00","architecture":"amd64","os":"linux","config":{"Cmd":["/bin/busybox","cat","/health"]},"rootfs":{"type":"layers","diff_ids":["sha256:$one","sha256:$two"]}}
END
name=$($b sha256sum config | $b cut -c1-64).json; $b mv config $name
printf '[{"Config":"%s","RepoTags":["lab/app:1"],"Layers":["one/layer.tar","two/layer.tar"]}]' $name > manifest.json
still .
$b tar -cf - manifest.json $name one two ${pack} > $out''`;
