/** Variables that decide how programs run. A secret file must not set them: whoever writes it would decide what later steps run. */
import { UserError } from "@goatnote/action-io";

// What the loader, shells, git and the runner look at; never to be set by a file.
const strict =
  /^(LD|DYLD|GITHUB|RUNNER|ACTIONS|INPUT|STATE|SOPS|GNUPG|BASH|BASH_FUNC|LC|XDG|SUDO|MSYS|CYGWIN|COR|CORECLR|COMPLUS)_/;
// What tools look at; a name that says it is a credential is one, such as NODE_AUTH_TOKEN.
const tools = [
  /^(GIT|SSH|NODE|PYTHON|PERL|PERL5|RUBY|GEM|BUNDLE|NIX|NPM_CONFIG|YARN|PNPM|PIP|UV|CARGO|RUSTUP|GO|MAVEN|GRADLE|JDK|DOTNET)_/,
  /^(PYTHON|PERL|RUBY|PERL5|LUA|RUSTC|BASH)[A-Z0-9]*$/,
  /^(LUA_(INIT|C?PATH)|AWS_ENDPOINT_URL|TF_CLI_ARGS)(_|$)/,
  /_(PROXY|ASKPASS|OPTIONS|OPTS|PRELOAD|WRAPPER|RSH|PAGER|EDITOR|ARGS|PLUGINS|LAUNCHER|INIT|CONFIG_FILE)$/,
  /(FLAGS|ADDOPTS)$/,
];
const credential = /_(TOKEN|KEY|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIALS?)$/;
const single = new Set(
  `PATH PATHEXT COMSPEC SYSTEMROOT WINDIR HOME USER LOGNAME USERPROFILE SHELL SHELLOPTS BASHOPTS ENV IFS PS4 CDPATH GLOBIGNORE
   PROMPT_COMMAND POSIXLY_CORRECT CLASSPATH PHPRC PHP_INI_SCAN_DIR EDITOR VISUAL PAGER MANPAGER LESSOPEN LESSCLOSE BROWSER MAIL
   TMP TEMP TMPDIR GCONV_PATH LOCPATH NLSPATH LANG LANGUAGE TERM TERMINFO TERMCAP RESOLV_HOST_CONF HOSTALIASES
   MAKEFILES CC CXX AR LD CMAKE_TOOLCHAIN_FILE JAVA_HOME M2_HOME ZDOTDIR PSMODULEPATH SVN_SSH GLIBC_TUNABLES
   PKG_CONFIG GCC_EXEC_PREFIX COMPILER_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH
   RUSTDOC R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER JULIA_LOAD_PATH JULIA_DEPOT_PATH ERL_AFLAGS ERL_ZFLAGS
   VIMINIT GVIMINIT EXINIT HGRCPATH HELM_PLUGINS COREPACK_NPM_REGISTRY ELECTRON_RUN_AS_NODE
   GOPATH GOROOT GOBIN GOAUTH GOPROXY GOENV GODEBUG GOEXPERIMENT GOTOOLCHAIN GOCACHE GOMODCACHE GOPRIVATE GOSUMDB GONOSUMDB
   GONOPROXY GOINSECURE GOVCS GOTMPDIR GOOS GOARCH GOWORK
   SSL_CERT_FILE SSL_CERT_DIR CURL_HOME CURL_CA_BUNDLE REQUESTS_CA_BUNDLE WGETRC OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES
   SSLKEYLOGFILE DOCKER_HOST DOCKER_CONFIG DOCKER_CONTEXT COMPOSE_FILE KUBECONFIG CI PWD OLDPWD`.split(/\s+/),
);

function steersPrograms(name: string): boolean {
  const upper = name.toUpperCase();
  if (single.has(upper) || strict.test(upper)) return true;
  return !credential.test(upper) && tools.some((family) => family.test(upper));
}

/**
 * @param set names that are set already
 * @param allowed names that the user allows all the same
 * @throws UserError for the first variable that may not be set
 */
export function checkVariables(names: readonly string[], set: ReadonlySet<string>, allowed: readonly string[]): void {
  for (const name of names) {
    if (allowed.includes(name)) continue;
    const rename = `Rename it with \`keys\` (\`path as NAME\`) or \`prefix\`; if it is meant, list it in \`allow-env\`.`;
    if (steersPrograms(name))
      throw new UserError(
        `The variable ${name} can change how programs run, and is not set from a secrets file. ${rename}`,
      );
    if (set.has(name)) throw new UserError(`The variable ${name} is set already, and is not overwritten. ${rename}`);
  }
}
