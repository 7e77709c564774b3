// The theme: the system's unless one was chosen; the choice is kept on this machine.

export type Theme = 'system' | 'dark' | 'light';
const order: Theme[] = ['system', 'dark', 'light'];
const key = 'orrery-theme';

class Themes {
    choice = $state<Theme>('system');
    turn = $state(0); // rises when colours have changed: what is drawn on canvas reads them anew

    begin(): void {
        const kept = localStorage.getItem(key);
        const asked = new URLSearchParams(location.search).get('theme');
        const wanted = order.find(t => t === asked) ?? order.find(t => t === kept);
        this.set(wanted ?? 'system');
        matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => this.turn++);
    }

    set(theme: Theme): void {
        this.choice = theme;
        if (theme === 'system') delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = theme;
        localStorage.setItem(key, theme);
        this.turn++;
    }

    toggle(): void {
        this.set(order[(order.indexOf(this.choice) + 1) % order.length] ?? 'system');
    }
}

export const themes = new Themes();
