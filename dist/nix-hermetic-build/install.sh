# Installs Nix when there is none: one release, named by version and digest. An archive with another digest is not unpacked.
set -euo pipefail
fail() {
  echo "::error title=Nix::$1"
  exit 1
}
case "$INSTALL_NIX" in auto | never) ;; *) fail "Input install-nix is '${INSTALL_NIX//[^a-zA-Z0-9._-]/?}'; allowed: auto or never." ;; esac
for folder in "" "$HOME/.nix-profile/bin/" /nix/var/nix/profiles/default/bin/; do
  if command -v "${folder}nix" > /dev/null; then
    there=$("${folder}nix" --version)
    echo "Nix is there: $there"
    [ -z "$NIX_VERSION" ] || [ "${there##* }" = "$NIX_VERSION" ] ||
      echo "::warning title=Nix::nix-version is '${NIX_VERSION//[^a-zA-Z0-9._-]/?}', and what is on PATH and is used says '${there//[^a-zA-Z0-9.()+ _-]/?}'. Remove the one or change the other."
    [ -z "$folder" ] || echo "${folder%/}" >> "$GITHUB_PATH"
    exit 0
  fi
done
[ "$INSTALL_NIX" = auto ] || fail "Nix is not on PATH and install-nix is never. Install it in an earlier step."
[[ "$NIX_VERSION" =~ ^[0-9]+(\.[0-9]+)+$ ]] && [[ "$NIX_SHA256" =~ ^[0-9a-f]{64}$ ]] ||
  fail "Nix is not on PATH. Set nix-version and nix-sha256 (64 hex digits, from https://releases.nixos.org/?prefix=nix/), or install it in an earlier step, for example with cachix/install-nix-action."
case "$(uname -sm)" in
  "Linux x86_64") system=x86_64-linux ;;
  "Linux aarch64") system=aarch64-linux ;;
  "Darwin x86_64") system=x86_64-darwin ;;
  "Darwin arm64") system=aarch64-darwin ;;
  *) fail "Nix has no release for $(uname -sm)." ;;
esac
name="nix-$NIX_VERSION-$system"
published="https://releases.nixos.org/nix/nix-$NIX_VERSION/$name.tar.xz.sha256"
[ "${NIX_SHA256//0/}" ] || fail "nix-sha256 is a placeholder of zeros. Set it to what $published says."
folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/nix-install.XXXXXX")
archive="$folder/nix.tar.xz"
curl --fail --silent --show-error --location --proto =https --retry 3 --output "$archive" \
  "https://releases.nixos.org/nix/nix-$NIX_VERSION/$name.tar.xz" ||
  fail "Nix $NIX_VERSION for $system could not be downloaded. Is the version right, and the network reachable?"
if command -v sha256sum > /dev/null; then actual=$(sha256sum "$archive"); else actual=$(shasum -a 256 "$archive"); fi
[ "${actual%% *}" = "$NIX_SHA256" ] ||
  fail "The archive of Nix $NIX_VERSION for $system has the SHA-256 ${actual%% *}, not $NIX_SHA256. Nothing was unpacked. Compare with $published"
tar -xJf "$archive" -C "$folder"
# With Nix's default a build runs without a sandbox where none can be made.
settings="sandbox-fallback = false"
# A daemon needs something that starts it; a container without systemd gets the single-user form.
if [ "$(uname)" = Darwin ] || [ -d /run/systemd/system ]; then
  # A daemon takes a cache only from whom it trusts. Who can install it could say so too.
  printf '%s\ntrusted-users = root %s\n' "$settings" "$(id -un)" > "$folder/nix.conf"
  options=(--daemon --nix-extra-conf-file "$folder/nix.conf")
else
  own="${XDG_CONFIG_HOME:-$HOME/.config}/nix"
  mkdir -p "$own"
  printf '%s\n' "$settings" >> "$own/nix.conf"
  options=(--no-daemon)
fi
"$folder/$name/install" "${options[@]}" --no-channel-add --no-modify-profile < /dev/null ||
  fail "The installer of Nix $NIX_VERSION failed; its last lines above say why."
for bin in "$HOME/.nix-profile/bin" /nix/var/nix/profiles/default/bin; do
  if [ -x "$bin/nix" ]; then echo "$bin" >> "$GITHUB_PATH"; fi
done
rm -rf "$folder"
