import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const listenOnce = (host: string, port: number) =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const bound = typeof address === 'object' && address ? address.port : port
      server.close(() => resolve(bound))
    })
  })

/** True if a server can listen on this port now. A privileged port counts as not free. */
export const isPortFree = async (port: number, host = '127.0.0.1') => {
  try {
    await listenOnce(host, port)
    return true
  } catch {
    return false
  }
}

/**
 * Below the ephemeral ports (RFC 6335 §6; Linux starts at 32768): an outgoing connection could take one of those between
 * the check and the start of the server. The upper half holds the claims on the lower half.
 */
const range = { first: 20_000, count: 6_384 }

/** Listens on the claim of a port until this process ends, so that no other process draws the port meanwhile. */
const claim = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port: port + range.count, exclusive: true }, () => resolve(true))
  })

/**
 * A free port of 127.0.0.1, which no other call gets while this process lives, in this process or another. A program
 * that does not ask here may still take it before it is used.
 */
export const freePort = async (): Promise<number> => {
  const port = randomInt(range.first, range.first + range.count)
  return (await isPortFree(port)) && (await claim(port)) ? port : freePort()
}
