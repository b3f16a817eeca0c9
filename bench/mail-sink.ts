import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

const extensions = ['sink', 'PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 10485760']
const ehlo = extensions.map((line, index) => `250${index === extensions.length - 1 ? ' ' : '-'}${line}\r\n`).join('')

/** Reads one connection: commands, and the mails between DATA and the line with a dot. */
const serve = (socket: Socket, received: (mail: string) => void) => {
  let unread = ''
  let isMail = false
  const answer = (command: string) => {
    if (/^EHLO/i.test(command)) return ehlo
    if (/^DATA/i.test(command)) isMail = true
    if (/^QUIT/i.test(command)) return '221 2.0.0 Bye\r\n'
    return isMail ? '354 Go on\r\n' : '250 2.1.0 Ok\r\n'
  }
  socket.on('error', () => {})
  socket.setNoDelay(true)
  socket.write('220 sink ESMTP\r\n')
  socket.on('data', (chunk) => {
    unread += chunk.toString('latin1')
    let answers = ''
    for (;;) {
      const ending = isMail ? '\r\n.\r\n' : '\r\n'
      const end = unread.indexOf(ending)
      if (end < 0) break
      const text = unread.slice(0, end)
      unread = unread.slice(end + ending.length)
      if (isMail) {
        isMail = false
        received(text)
        answers += '250 2.0.0 Ok: queued as 4bX1zQ2kPz\r\n'
      } else answers += answer(text)
    }
    if (answers) socket.write(answers)
  })
}

/** A mail server that accepts everything and keeps nothing: its own time hardly counts. */
export const startMailSink = async (received: (mail: string) => void) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, received)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
