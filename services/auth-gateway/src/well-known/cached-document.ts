import { createHash } from 'node:crypto'
import type { Server } from '@rekey/platform/server'

/** Rotation of the signing keys relies on it: `publishSeconds`. */
const cacheControl = 'public, max-age=300'

/** RFC 9110 §13.1.2: weak comparison with each tag of the list, or `*`. */
const hasTag = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false

/** A strong ETag of the content. */
export const etagOf = (content: string | Buffer): string =>
  `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`

interface Content {
  etag: string
  type: string
  body: string | Buffer
}

interface Request {
  headers: { 'if-none-match'?: string | undefined }
}
interface Reply {
  headers(values: Record<string, string>): Reply
  removeHeader(name: string): Reply
  code(status: number): Reply
  type(type: string): Reply
  send(body?: unknown): unknown
}

/** Sends public content that caches may store for five minutes; 304 to a request that has it. */
export const sendCached = (request: Request, reply: Reply, { etag, type, body }: Content) => {
  reply.headers({ 'cache-control': cacheControl, etag }).removeHeader('pragma')
  if (hasTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type(type).send(body)
}

const render = (document: object) => {
  const body = JSON.stringify(document)
  return { body, etag: etagOf(body), type: 'application/json; charset=utf-8' }
}

/**
 * Serves a public JSON document.
 *
 * @param documentOf returns the same object for as long as its content is the same
 */
export const cachedDocument = (
  app: Server,
  path: string,
  schema: { response: object },
  documentOf: () => object,
): void => {
  const rendered = new WeakMap<object, ReturnType<typeof render>>()
  app.get(path, { schema, config: { public: true, crossSite: 'read' } }, (request, reply) => {
    const document = documentOf()
    const content = rendered.get(document) ?? render(document)
    rendered.set(document, content)
    return sendCached(request, reply as unknown as Reply, content)
  })
}
