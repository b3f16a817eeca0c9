import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { etagOf } from '../well-known/cached-document.ts'

const packageFile = createRequire(import.meta.url).resolve

/** Starts the viewer. It takes no settings from the URL, and sends no document to a validator of a third party. */
const startScript = `SwaggerUIBundle({
  url: '/openapi.json',
  domNode: document.getElementById('viewer'),
  deepLinking: true,
  displayOperationId: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  tryItOutEnabled: true,
  validatorUrl: null,
  syntaxHighlight: { activated: true },
})
`

const stylesheet = `body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff }
nav, main.text { max-width: 1460px; margin: 0 auto; padding: 12px 20px }
nav a { margin-right: 16px }
main.text table { border-collapse: collapse; width: 100% }
main.text :is(th, td) { border-bottom: 1px solid #ccc; padding: 8px; text-align: left; vertical-align: top }
main.text pre { margin: 8px 0; padding: 8px; background: #f4f4f4; overflow-x: auto; font-size: 13px }
main.text code { overflow-wrap: anywhere }
`

const javascript = 'text/javascript; charset=utf-8'
const css = 'text/css; charset=utf-8'

/** The files of the pages, by path. Swagger UI is served from its package, as it was published. */
const sources: Record<string, { type: string; read: () => Buffer | string }> = {
  '/docs/viewer.js': {
    type: javascript,
    read: () => readFileSync(packageFile('swagger-ui-dist/swagger-ui-bundle.js')),
  },
  '/docs/viewer.css': { type: css, read: () => readFileSync(packageFile('swagger-ui-dist/swagger-ui.css')) },
  '/docs/start.js': { type: javascript, read: () => startScript },
  '/docs/page.css': { type: css, read: () => stylesheet },
}

export const assetPaths: string[] = Object.keys(sources)

/** A file of the pages with its compressed form. */
export interface Asset {
  type: string
  plain: { body: Buffer | string; etag: string }
  gzip: { body: Buffer; etag: string }
}

const load = (path: string): Asset => {
  const { type, read } = sources[path] as (typeof sources)[string]
  const body = read()
  const compressed = gzipSync(body)
  return { type, plain: { body, etag: etagOf(body) }, gzip: { body: compressed, etag: etagOf(compressed) } }
}

const loaded = new Map<string, Asset>()

/** Read and compressed when it is first wanted: most instances are never asked for it. */
export const assetOf = (path: string): Asset => {
  const asset = loaded.get(path) ?? load(path)
  loaded.set(path, asset)
  return asset
}
