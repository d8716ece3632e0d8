import { escapeMarkup } from '../figures/svg.js';
import { style } from './style.js';

/** A part of a page. */
export interface Section {
  /** Unique; the fragment of its address. */
  id: string;
  title: string;
  /** Trusted markup; headings inside begin one level below the section's own. */
  html: string;
  /** 2: a chapter (default); 3: a section of the chapter before it. */
  level?: 2 | 3;
}

export interface Page {
  title: string;
  subtitle?: string;
  sections: readonly Section[];
  /** Plain text. */
  footer?: string;
}

/** Nothing is loaded, sent or remembered, whatever a section contains. */
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** Switches between light and dark; marks in the contents where the reader is. */
const script = `
const root=document.documentElement,button=document.querySelector('button');
const system=matchMedia('(prefers-color-scheme: dark)');
const isDark=()=>root.dataset.theme?root.dataset.theme==='dark':system.matches;
const name=()=>{button.textContent=isDark()?'Light':'Dark';button.setAttribute('aria-label',(isDark()?'Light':'Dark')+' colours')};
button.hidden=false;name();system.addEventListener('change',name);
button.addEventListener('click',()=>{root.dataset.theme=isDark()?'light':'dark';name()});
const links=new Map([...document.querySelectorAll('nav a')].map(a=>[a.hash.slice(1),a]));
const seen=new IntersectionObserver(entries=>{for(const {isIntersecting,target} of entries)if(isIntersecting){
for(const a of links.values())a.removeAttribute('aria-current');links.get(target.id)?.setAttribute('aria-current','true')}},{rootMargin:'0px 0px -75% 0px'});
for(const section of document.querySelectorAll('main>section'))seen.observe(section);
`.replaceAll('\n', '');

/**
 * One HTML file that needs no other: text, figures and tables by section, contents beside them, light and dark, fit for a phone,
 * for print and for screen readers.
 */
export function renderPage({ title, subtitle, sections, footer }: Page): string {
  const body = sections.map(({ id, title, html, level = 2 }) => {
    const heading = `<h${level} id="${escapeMarkup(id)}-title">${escapeMarkup(title)}</h${level}>`;
    return `<section id="${escapeMarkup(id)}" aria-labelledby="${escapeMarkup(id)}-title">${heading}\n${html}</section>`;
  });
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    '<a class="skip" href="#content">To the content</a>',
    '<div class="frame">',
    `<header><div><h1>${escapeMarkup(title)}</h1>${subtitle ? `<p class="subtitle">${escapeMarkup(subtitle)}</p>` : ''}</div>`,
    '<button type="button" hidden>Dark</button></header>',
    contents(sections),
    `<main id="content">\n${body.join('\n')}\n</main>`,
    footer ? `<footer>${escapeMarkup(footer)}</footer>` : '',
    '</div>',
    `<script>${script}</script>`,
    '</body>',
    '</html>\n',
  ].join('\n');
}

function contents(sections: readonly Section[]): string {
  const link = ({ id, title }: Section): string => `<a href="#${escapeMarkup(id)}">${escapeMarkup(title)}</a>`;
  const chapters: { own: string; parts: string[] }[] = [];
  for (const section of sections) {
    if (section.level === 3 && chapters.length) chapters.at(-1)!.parts.push(`<li>${link(section)}</li>`);
    else chapters.push({ own: link(section), parts: [] });
  }
  const items = chapters.map(({ own, parts }) => `<li>${own}${parts.length ? `<ol>${parts.join('')}</ol>` : ''}</li>`);
  return items.length ? `<nav aria-label="Contents"><p>Contents</p><ol>${items.join('')}</ol></nav>` : '';
}
