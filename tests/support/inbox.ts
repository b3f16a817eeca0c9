import { createInbox } from '@rekey/inbox/app'
import type { Message } from '@rekey/inbox/message-store'
import { eventually } from './eventually.ts'

export type ReceivedMessage = Omit<Message, 'Size'>

/** Starts an inbox in this process. Its messages are read in memory: over HTTP, each poll would copy all of them. */
export const startInbox = async () => {
  const inbox = await createInbox({ host: '127.0.0.1', httpPort: 0, smtpPort: 0 })

  /** Every message, newest first, with its whole text. */
  const messages = async (): Promise<readonly ReceivedMessage[]> => inbox.messages()
  const messagesTo = async (to: string) =>
    (await messages()).filter((message) => message.To.some(({ Address }) => Address === to))

  return {
    httpUrl: inbox.httpUrl,
    smtpUrl: inbox.smtpUrl,
    close: inbox.close,
    messages,
    messagesTo,
    /**
     * Waits for a message to an address and returns the newest.
     * @param after how many messages to this address to ignore, the oldest first: 0 by default.
     */
    waitForMessage: (to: string, { after = 0 }: { after?: number } = {}) =>
      eventually(
        async () => {
          const found = await messagesTo(to)
          return found.length > after ? found[0] : undefined
        },
        { what: `message ${after + 1} to ${to}` },
      ),
  }
}

export type Inbox = Awaited<ReturnType<typeof startInbox>>
