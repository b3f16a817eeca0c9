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

/** A port of 127.0.0.1 that nothing listens on now. Another program may take it before its user does. */
export const freePort = () => listenOnce('127.0.0.1', 0)

/** Whether a server could listen on this port now. A port that needs rights we lack is not free either. */
export const isPortFree = async (port: number, host = '127.0.0.1') => {
  try {
    await listenOnce(host, port)
    return true
  } catch {
    return false
  }
}
