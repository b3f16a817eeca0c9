import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type Http, read } from '@rekey/test-support/http'

type Fields = Record<string, unknown>

interface Options {
  /** Sent with every request, also those that `fetch` forbids, such as Host. */
  headers?: Record<string, string>
  /** Loopback IP of the client. */
  from?: string
}

/** An HTTP client with any headers and client IP. It does not follow redirects. */
export const createAttackerHttp = (origin: string, { headers: always = {}, from = '127.0.0.1' }: Options): Http => {
  const { hostname, port } = new URL(origin)
  const send = async <Body = Fields>(method: string, path: string, headers: Fields = {}, body?: string | Buffer) => {
    const { status, fields, bytes } = await new Promise<{ status: number; fields: Headers; bytes: Buffer }>(
      (resolve, reject) => {
        const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
        const options = { hostname, port, method, path, localAddress: from }
        const sending = request(
          { ...options, headers: { ...always, ...headers, ...length } as never },
          async (response) =>
            resolve({
              status: response.statusCode ?? 0,
              fields: new Headers(response.headers as Record<string, string>),
              bytes: await buffer(response),
            }),
        )
        sending.on('error', reject).end(body)
      },
    )
    const isEmpty = [204, 205, 304].includes(status)
    return read<Body>(new Response(isEmpty ? null : new Uint8Array(bytes), { status, headers: fields }))
  }
  return {
    send,
    get: <Body = Fields>(path: string, headers: Fields = {}) => send<Body>('GET', path, headers),
    post: <Body = Fields>(path: string, body: unknown, headers: Fields = {}) =>
      send<Body>('POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body)),
  }
}
