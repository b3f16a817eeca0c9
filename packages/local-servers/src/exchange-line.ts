import { connect } from 'node:net'

/**
 * Connects to a line protocol on 127.0.0.1, sends `line` if given, and returns the first chunk of the answer.
 * @throws Error if there is no answer within a second
 */
export const exchangeLine = (port: number, line?: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 })
    socket.once('connect', () => line && socket.write(line))
    socket.once('data', (data) => {
      resolve(data.toString('utf8'))
      socket.destroy()
    })
    socket.once('timeout', () => socket.destroy(new Error(`nothing answered on port ${port}`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`port ${port} closed the connection`)))
  })
