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
 * the check and the start of the server.
 */
const range = { first: 20_000, last: 32_767 }

/** A free port of 127.0.0.1. Another program may take it before it is used. */
export const freePort = async (): Promise<number> => {
  const port = randomInt(range.first, range.last + 1)
  return (await isPortFree(port)) ? port : freePort()
}
