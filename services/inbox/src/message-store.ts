import { randomUUID } from 'node:crypto'

export interface Address {
  Name: string
  Address: string
}

/** A message with the field names of Mailpit's API. */
export interface Message {
  ID: string
  /** Message-ID of a mail without the angle brackets, or the sender's id of an SMS. */
  MessageID: string
  From: Address
  To: Address[]
  Subject: string
  /** Time of arrival, ISO 8601. */
  Created: string
  /** Number of bytes received. */
  Size: number
  Text: string
  HTML: string
}

/** Keeps the newest messages in memory, up to `capacity`. */
export const createMessageStore = ({ capacity }: { capacity: number }) => {
  let newestFirst: Message[] = []
  return {
    add(message: Omit<Message, 'ID' | 'Created'>): Message {
      const added = { ...message, ID: randomUUID(), Created: new Date().toISOString() }
      newestFirst = [added, ...newestFirst.slice(0, capacity - 1)]
      return added
    },
    /** Newest first. */
    list: (): readonly Message[] => newestFirst,
    find: (id: string) => newestFirst.find(({ ID }) => ID === id),
    clear() {
      newestFirst = []
    },
  }
}
export type MessageStore = ReturnType<typeof createMessageStore>
