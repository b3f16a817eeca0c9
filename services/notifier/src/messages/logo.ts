import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type Theme, ThemeError } from '@rekey/texts'

/** An image that a mail carries with it. */
export interface Logo {
  filename: string
  contentType: string
  content: Buffer
}

/** Types that mail programs show. They show no SVG: the mail then has the platform's name as text. */
const contentTypes: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
}

const mostBytes = 65_536

/**
 * Reads the logo of the theme for mails.
 * @throws ThemeError if it is too large to be sent with each mail
 */
export const readLogo = ({ dir, file }: Theme): Logo | undefined => {
  if (dir === undefined || file.logo === undefined) return undefined
  const contentType = contentTypes[extname(file.logo).toLowerCase()]
  if (contentType === undefined) return undefined
  const content = readFileSync(join(dir, file.logo))
  if (content.length > mostBytes) {
    throw new ThemeError([
      `${join(dir, file.logo)}: ${content.length} bytes: each mail carries the logo, so it may have ${mostBytes}`,
    ])
  }
  return { filename: file.logo, contentType, content }
}
