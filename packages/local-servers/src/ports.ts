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

/** Whether a server could listen on this port now. A port that needs rights we lack is not free either. */
export const isPortFree = async (port: number, host = '127.0.0.1') => {
  try {
    await listenOnce(host, port)
    return true
  } catch {
    return false
  }
}

/**
 * Below the ports that systems give to outgoing connections (RFC 6335 §6; Linux begins at 32768): such a connection may
 * get a port that was free a moment ago.
 */
const range = { first: 20_000, last: 32_767 }

/** A port of 127.0.0.1 that nothing listens on now. Another program may take it before its user does. */
export const freePort = async (): Promise<number> => {
  const port = randomInt(range.first, range.last + 1)
  return (await isPortFree(port)) ? port : freePort()
}
