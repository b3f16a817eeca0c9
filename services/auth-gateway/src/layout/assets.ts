import { createHash } from 'node:crypto'
import type { Server } from '@rekey/platform/server'

/** A file that pages load. Its path contains a digest of it, so browsers may cache it forever. */
export interface Asset {
  path: string
  contentType: string
  body: string | Buffer
}

/** @param extension of the path, without a dot */
export const createAsset = (extension: string, contentType: string, body: string | Buffer): Asset => ({
  path: `/pages/${createHash('sha256').update(body).digest('hex').slice(0, 16)}.${extension}`,
  contentType,
  body,
})

/** Serves files to pages of this origin. An SVG that is opened by itself runs no script and loads nothing. */
export const assetRoutes = (app: Server, assets: Asset[]): void => {
  // Two files of a theme may be equal.
  const byPath = new Map(assets.map((asset) => [asset.path, asset]))
  for (const { path, contentType, body } of byPath.values()) {
    app.get(path, { config: { public: true, crossSite: 'read' } }, async (_request, reply) =>
      reply
        .removeHeader('pragma')
        .type(contentType)
        .headers({
          'cache-control': 'public, max-age=31536000, immutable',
          'cross-origin-resource-policy': 'same-origin',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        })
        .send(body),
    )
  }
}
