import { createInbox } from '@rekey/inbox/app'
import { eventually } from './eventually.ts'

export interface ReceivedMessage {
  ID: string
  MessageID: string
  From: { Name: string; Address: string }
  To: { Name: string; Address: string }[]
  Subject: string
  Created: string
  Text: string
  HTML: string
}

const getJson = async <T>(url: string) => {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response.json() as Promise<T>
}

/** Starts an inbox in this process: an SMTP listener whose messages are read over HTTP. */
export const startInbox = async () => {
  const inbox = await createInbox({ host: '127.0.0.1', httpPort: 0, smtpPort: 0 })

  const api = `${inbox.httpUrl}/api/v1`
  // A message never changes: tests that wait for one read the others once.
  const read = new Map<string, Promise<ReceivedMessage>>()
  const readMessage = (id: string) => {
    const message = read.get(id) ?? getJson<ReceivedMessage>(`${api}/message/${id}`)
    read.set(id, message)
    return message
  }

  /** Every message, newest first, with its whole text. */
  const messages = async (): Promise<ReceivedMessage[]> => {
    const { messages } = await getJson<{ messages: { ID: string }[] }>(`${api}/messages?limit=1000`)
    return Promise.all(messages.map(({ ID }) => readMessage(ID)))
  }
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
