import { eventually } from '@rekey/test-support/eventually'
import type { Rekey } from '@rekey/test-support/rekey'

/** Reads words and codes in the mails of verifications, the newest first. @param count waits for so many */
export const readVerifications = ({ inbox }: Pick<Rekey, 'inbox'>, address: string, count = 1) =>
  eventually(
    async () => {
      const texts = (await inbox.messagesTo(address)).map(({ Text }) => Text)
      const read = texts.flatMap((text) => {
        const words = /^The staff must say: (.+?)\r?$/m.exec(text)?.[1]
        const code = /^Read this code only then: (\d{6})\r?$/m.exec(text)?.[1]
        return words && code ? { words, code } : []
      })
      return read.length >= count ? read : undefined
    },
    { what: `${count} mails with two words`, timeoutMs: 30_000 },
  )
