// What stands beside a node on the ring.
import { duration } from '../../model/format';
import { shownOf, isGranted, needOf } from './campaign';
import { candidate, isAlive, leader, preCandidate, roles, type Member, type Raft } from './raft';

const lives: Record<Member['life'], string> = { starting: 'starting', running: 'running', paused: 'paused', killed: 'killed −9', powerless: 'without power', stopped: 'stopped' };

export const lifeWords = (m: Member): string => lives[m.life];

export function roleWords(m: Member, nameOf: (node: number) => string): string {
    const role = roles[m.role] ?? 'follower';
    if (m.life === 'paused') return `paused, ${role}`;
    if (m.members && !m.members.voters.includes(m.node) && !m.members.outgoing.includes(m.node)) return m.members.learners.includes(m.node) ? 'learner' : 'no member';
    return m.role === 0 && m.leader ? `follows ${nameOf(m.leader)}` : role;
}

export function voteWords(s: Raft, m: Member, nameOf: (node: number) => string): string {
    if (!isAlive(m)) return m.led > 0 ? `led term ${m.led}` : '';
    if (m.role === leader) return `commit ${m.log.commit}`;
    if (m.role === candidate || m.role === preCandidate) {
        const mine = shownOf(s.campaigns).find(c => c.candidate === m.node && c.outcome === 'open');
        if (!mine) return '';
        const votes = mine.voters.filter(v => isGranted(mine.answers[v])).length;
        return `${votes} of ${needOf(mine.voters)} ${mine.pre ? 'pre-votes' : 'votes'}`;
    }
    return m.votedFor === 0 ? 'no vote given' : m.votedFor === m.node ? 'voted itself' : `voted ${nameOf(m.votedFor)}`;
}

/** "35 of 275 ms" */
export function waitWords(m: Member, at: number): string {
    if (!m.wait || m.role === leader || !isAlive(m)) return '';
    const told = duration(m.wait.lasts);
    const unit = told.slice(-2) === '\u2009s' ? 1e9 : 1e6;
    const gone = Math.max(0, Math.min(m.wait.lasts, at - m.wait.began)) / unit;
    return `${unit === 1e9 ? gone.toFixed(2) : gone.toFixed(0)} of ${told}`;
}
