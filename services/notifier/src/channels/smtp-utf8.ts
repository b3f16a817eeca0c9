import SMTPConnection from 'nodemailer/lib/smtp-connection'

/** Fields of the library's class that its types lack. */
type Connected = SMTPConnection & { _supportedExtensions: string[] }

/** How long the answer of a server is used: another server may stand behind its name. */
const keptMs = 60_000

/**
 * Reads from the answer to EHLO whether the mail server offers SMTPUTF8 (RFC 6531 §3.1): after STARTTLS where that is
 * used, since only then the list counts (RFC 3207 §4.2). The library sends an address that is not ASCII to any server.
 */
export const createSmtpUtf8Check = (options: ConstructorParameters<typeof SMTPConnection>[0]) => {
  let known: { isOffered: Promise<boolean>; atMs: number } | undefined

  const ask = () =>
    new Promise<boolean>((resolve, reject) => {
      const connection = new SMTPConnection(options) as Connected
      connection.once('error', (error) => {
        connection.close()
        reject(error)
      })
      connection.once('end', () => reject(new Error('the mail server ended the connection')))
      connection.connect((error) => {
        if (error) return reject(error)
        resolve(connection._supportedExtensions.includes('SMTPUTF8'))
        connection.quit()
      })
    })

  /** @throws Error if the server does not answer */
  return (): Promise<boolean> => {
    const nowMs = performance.now()
    if (known && nowMs - known.atMs < keptMs) return known.isOffered
    const asked = { isOffered: ask(), atMs: nowMs }
    known = asked
    asked.isOffered.catch(() => {
      if (known === asked) known = undefined
    })
    return asked.isOffered
  }
}
