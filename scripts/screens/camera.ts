import type { CDPSession, Page } from 'playwright-core'

/** A picture of a page. */
export interface Picture {
  /** Name of its file. */
  file: string
  bytes: Buffer
  /** Title of the page. */
  alt: string
  /** One sentence: what somebody does, and sees. */
  sentence: string
  isWide: boolean
}

/** A story with its pictures, in order. */
export interface Chapter {
  title: string
  pictures: Picture[]
}

/** Wider pages are those of a desk. */
const widestPhone = 500

/** WebP takes 0 to 100. Text stays sharp, at half the size of a PNG. */
const quality = 75

/** One session a page, which stays: the end of one would take the authenticator from the page. */
const sessions = new WeakMap<Page, Promise<CDPSession>>()
const sessionOf = (page: Page) => {
  const session = sessions.get(page) ?? page.context().newCDPSession(page)
  sessions.set(page, session)
  return session
}

/** The whole page as WebP, which only the browser's own protocol writes. */
const toWebp = async (page: Page): Promise<Buffer> => {
  const cdp = await sessionOf(page)
  const { cssContentSize } = await cdp.send('Page.getLayoutMetrics')
  const { width = 0, height = 0 } = page.viewportSize() ?? {}
  const { data } = await cdp.send('Page.captureScreenshot', {
    format: 'webp',
    quality,
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height: Math.max(height, Math.ceil(cssContentSize.height)), scale: 1 },
  })
  return Buffer.from(data, 'base64')
}

/** Takes numbered pictures of pages, story by story. */
export const createCamera = () => {
  const chapters: Chapter[] = []
  const pictures = () => chapters.flatMap((chapter) => chapter.pictures)
  return {
    chapters: (): readonly Chapter[] => chapters,
    pictures,
    begin: (title: string) => void chapters.push({ title, pictures: [] }),

    /** @param name of the file, after its number */
    async take(page: Page, name: string, sentence: string): Promise<void> {
      const bytes = await toWebp(page)
      const file = `${String(pictures().length + 1).padStart(2, '0')}-${name}.webp`
      const isWide = (page.viewportSize()?.width ?? 0) > widestPhone
      chapters.at(-1)?.pictures.push({ file, bytes, alt: await page.title(), sentence, isWide })
    },
  }
}

export type Camera = ReturnType<typeof createCamera>
