import { createHash } from "node:crypto";
import { Refusal, type Router } from "./router.ts";
import type { Release, State } from "./state.ts";

const read = { permission: "contents", level: "read" } as const;
const write = { permission: "contents", level: "write" } as const;

/** Releases and their assets: https://docs.github.com/en/rest/releases. Drafts are seen by those who may write. */
export function releaseRoutes(router: Router, state: State, url: () => string): void {
  const api = `/repos/${state.repository}/releases`;
  const named = (id: string | undefined): Release => {
    const release = state.releases.find((each) => String(each.id) === id);
    if (!release) throw new Refusal(404, "Not Found");
    return release;
  };

  router.on("GET", api, read, ({ grant }) => ({
    json: state.releases
      .filter(({ draft }) => !draft || grant.permissions.contents === "write")
      .map((release) => ({
        ...release,
        assets: release.assets.map(({ content, ...asset }) => ({ ...asset, size: content.length })),
        upload_url: `${url()}/uploads${api}/${release.id}/assets{?name,label}`,
      })),
  }));
  router.on("POST", `/uploads${api}/:id/assets`, write, ({ params, url: asked, body }) => {
    const release = named(params.id);
    const name = asked.searchParams.get("name") ?? "";
    if (release.immutable) throw new Refusal(422, "Cannot upload assets to an immutable release.");
    if (release.assets.some((asset) => asset.name === name)) return alreadyExists;
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    const asset = { id: state.nextId(), name, digest, content: body };
    release.assets.push(asset);
    return { status: 201, json: { id: asset.id, name, digest, size: body.length } };
  });
  const holding = (id: string | undefined): Release => {
    const release = state.releases.find(({ assets }) => assets.some((asset) => String(asset.id) === id));
    if (!release) throw new Refusal(404, "Not Found");
    return release;
  };
  router.on("DELETE", `${api}/assets/:id`, write, ({ params }) => {
    const release = holding(params.id);
    release.assets = release.assets.filter(({ id }) => String(id) !== params.id);
    return { status: 204 };
  });
  router.on("PATCH", `${api}/assets/:id`, write, ({ params, json }) => {
    const { assets } = holding(params.id);
    if (assets.some(({ name }) => name === json.name)) return alreadyExists;
    const asset = assets.find(({ id }) => String(id) === params.id)!;
    asset.name = String(json.name);
    return { json: { id: asset.id, name: asset.name, digest: asset.digest } };
  });
}

const alreadyExists = {
  status: 422,
  json: {
    message: "Validation Failed",
    errors: [{ resource: "ReleaseAsset", code: "already_exists", field: "name" }],
  },
};
