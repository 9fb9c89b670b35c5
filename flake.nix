{
  description = "GOATnote Actions: shells to work on them, and the published trees as a package";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable-small";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system} system);
    in
    {
      # `default`: Node and git, everything else comes from package-lock.json. `ci`: what checks the workflows, too.
      # `full`: the tools that the tests meet, in nixpkgs' versions; `npm run peers` brings the exact ones.
      devShells = each (
        pkgs: _:
        let
          base = [
            pkgs.nodejs_24
            pkgs.git
          ];
          ci = base ++ [
            pkgs.actionlint
            pkgs.zizmor
          ];
          shell = packages: pkgs.mkShellNoCC { inherit packages; };
        in
        {
          default = shell base;
          ci = shell ci;
          full = shell (
            ci
            ++ (with pkgs; [
              act
              age
              cosign
              diffoscopeMinimal
              gnupg
              go
              gotestsum
              jdk_headless
              python3
              sops
              sqlite
              zip
              zstd
            ])
          );
        }
      );

      # What is published: the committed `dist/`. That it equals a rebuild is held by `.ci/run`.
      packages = each (
        pkgs: _: { default = pkgs.runCommand "goatnote-actions" { } "cp -r ${./dist} $out"; }
      );

      # Types, lint and tests need the packages of package-lock.json, which names no registry: they are `npm test`.
      checks = each (
        pkgs: system: {
          bundles =
            pkgs.runCommand "goatnote-actions-bundles" { nativeBuildInputs = [ pkgs.nodejs_24 ]; }
              ''
                find ${self.packages.${system}.default} -name '*.js' -print0 | xargs -0 -n1 node --check
                touch $out
              '';
        }
      );
    };
}
