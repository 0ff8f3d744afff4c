// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Grants} from "../src/Grants.sol";
import {GrantsCharter} from "../src/GrantsCharter.sol";
import {GrantsFixture} from "./GrantsFixture.sol";
import {Ledger} from "../src/Ledger.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {Stakes} from "../src/Stakes.sol";
import {StakesHandler} from "./StakesHandler.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// Buyers, owners, runners, verifiers, guardians and strangers, in any order and at any time; and beside them a naive book
/// that says before each call whether it succeeds, and after it where every request and all money is.
contract GrantsHandler is StakesHandler {
    uint256 private constant MAX_REQUESTS = 16;
    uint256 private constant MAX_PROPOSALS = 8;
    uint256 public constant BUYERS = 3;

    /// A request and its money, by the naive book.
    struct Book {
        Grants.State state;
        address buyer;
        bool query;
        bool standing;
        uint64 epsilon;
        uint256 expiry;
        uint256 price;
        uint256 uses;
        uint256 done;
        uint256 locked;
        uint256 settled;
        uint256 refunded;
    }

    /// What runners did with the use that is not over.
    struct Work {
        address first;
        bytes32 firstResult;
        address second;
        bytes32 secondResult;
        /// Who computes it now, since when and until when.
        address busy;
        uint256 since;
        uint256 deadline;
        /// Of a result: the last second to dispute it, but for pauses.
        uint256 until;
        uint256 stake;
    }

    bytes32[] public requests;
    mapping(bytes32 request => Book) private _books;
    mapping(bytes32 request => Work) private _work;
    mapping(address recipient => uint256) public owedTo;
    uint256 public received;
    uint256 public settled;
    uint256 public fees;
    uint256 public paidOut;
    uint256 public donated;
    uint256 public distributed;
    /// Of the period, by the naive book.
    uint256 public spent;
    uint256 public standingUses;
    uint256 private _periodStart;
    Action[] private _proposals;
    uint256 private _salt;
    address[] private _recipients;

    function setUp() public override {
        GrantsFixture.setUp();
        runnerKeys = sortedKeys("runner", RUNNERS);
        useAsset(params("invariants"));
        // Its fees go to the treasury of this asset.
        vm.prank(address(timelock));
        grants.setCharter(charterAt(1));
        for (uint256 i = 0; i < BUYERS; i++) {
            _recipients.push(vm.addr(buyerKey(i)));
        }
        _recipients.push(feeTaker());
        _recipients.push(address(timelock));
        startBook();
        grow();
    }

    /// Charters that owners could want, one of which asks for no stakes and lets nobody dispute.
    function charterAt(uint256 r) private view returns (GrantsCharter.Charter memory c) {
        c = charter();
        c.useTime = r & 16 == 0 ? 100 : 2000;
        c.verifierStake = r & 32 == 0 ? 100 : 0;
        c.runnerStake = r & 64 == 0 ? 1000 : 300;
        c.challengeTime = r % 8 == 0 ? 0 : r & 128 == 0 ? 200 : 900;
        if (c.challengeTime == 0) c.runnerStake = 0;
        (c.period, c.budget) = (1 hours, r & 256 == 0 ? 12e6 : 5e6);
        c.standing = GrantsCharter.Standing(1000, 1e6, 2, r & 512 == 0 ? 4 : 0);
        if (r & 1024 == 0) {
            c.fees = new GrantsCharter.Fee[](2);
            c.fees[0] = GrantsCharter.Fee(feeTaker(), 333);
            c.fees[1] = GrantsCharter.Fee(address(timelock), 1000);
        }
    }

    function feeTaker() private pure returns (address) {
        return member(1000);
    }

    /// Everybody who can have credit.
    function recipientAt(uint256 i) public view returns (address) {
        return _recipients[i];
    }

    function buyerKey(uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("buyer", i)));
    }

    /// A request in this state, or any when there is none: random ones alone would seldom get far.
    function pick(Grants.State wanted) private view returns (bytes32) {
        uint256 n = requests.length;
        for (uint256 i = 0; i < n; i++) {
            bytes32 id = requests[(_r % n + i) % n];
            if (_books[id].state == wanted) return id;
        }
        return requests[_r % n];
    }

    modifier asked() {
        if (requests.length == 0) return;
        _;
    }

    // Buyers

    function ask(uint256 seed, uint96 price) external mixed(seed) {
        if (requests.length == MAX_REQUESTS) return;
        uint256 key = buyerKey(_r % BUYERS);
        Grants.Terms memory t = termsOf(bytes32(++_salt));
        t.buyer = vm.addr(key);
        t.price = bound(price, 1, uint256(1) << (_r % 80));
        t.uses = uint32(1 + (_r >> 8) % 4);
        t.epsilon = uint64(1e6 * (1 + (_r >> 32) % 2));
        if ((_r >> 24) % 4 == 0) (t.use, t.epsilon) = (2, 0);
        t.expiry = uint64(vm.getBlockTimestamp() + 1 + (_r >> 16) % 2 days);
        uint256 total = t.price * t.uses;
        dollar.mint(t.buyer, total);
        bytes memory signed = signature(key, receiveDigest(t.buyer, address(grants), total, DEADLINE, idOf(t)));
        requested(grants.request(t, CODE, DEADLINE, signed), t);
    }

    function requested(bytes32 id, Grants.Terms memory t) private {
        GrantsCharter.Standing memory s = grants.charter().standing;
        Book storage b = _books[id];
        requests.push(id);
        b.standing = t.use == 1 && s.uses != 0 && t.price >= s.minimumPrice && t.epsilon <= s.maximumEpsilon;
        b.state = b.standing ? Grants.State.Approved : Grants.State.Requested;
        (b.buyer, b.query, b.epsilon, b.expiry) = (t.buyer, t.use == 1, t.epsilon, t.expiry);
        (b.price, b.uses, b.locked) = (t.price, t.uses, t.price * t.uses);
        received += b.locked;
        // Most are voted on.
        if (!b.standing && _r >> 250 != 0) _propose(approvalOf(id));
    }

    function payCredit(uint256 seed) external mixed(seed) {
        _payCredit(recipientAt(_r % (BUYERS + 2)));
    }

    function _payCredit(address to) private {
        uint256 paid = grants.payCredit(to);
        vm.assertEq(paid, owedTo[to], "paid what is owed");
        paidOut += paid;
        delete owedTo[to];
    }

    function refund(uint256 seed) external mixed(seed) asked {
        bytes32 id = requests[_r % requests.length];
        Book storage b = _books[id];
        bool can = (vm.getBlockTimestamp() > b.expiry && b.state == Grants.State.Approved)
            || (b.state == Grants.State.Requested && (vm.getBlockTimestamp() > b.expiry || governor.isRejected(id)))
            || (b.state == Grants.State.UseOpened && vm.getBlockTimestamp() > _work[id].deadline);
        vm.assertTrue(grants.isRefundable(id) == can, "isRefundable says whether");
        expects(can, address(grants), abi.encodeCall(grants.refund, (id)), "refund");
        if (can) refunded(id);
    }

    // Owners

    function _propose(Action memory a) private {
        propose(a, owner(3));
        if (_proposals.length < MAX_PROPOSALS) _proposals.push(a);
        else _proposals[_r % MAX_PROPOSALS] = a;
    }

    function proposeSomething(uint256 seed) external mixed(seed) asked {
        bytes32 id = requests[_r % requests.length];
        Action memory a = approvalOf(id);
        // Few are taken back.
        if (_books[id].state == Grants.State.Approved && _r % 4 != 0) return;
        if (_books[id].state != Grants.State.Requested || governor.proposalSnapshot(proposalOf(a)) != 0) {
            a = revocationOf(id);
            if (governor.proposalSnapshot(proposalOf(a)) != 0) return;
        }
        _propose(a);
    }

    /// All owners vote on all that is proposed, mostly for it, and the votes run their course.
    function decide(uint256 seed) external mixed(seed) {
        skip(2);
        uint256 end_ = vm.getBlockTimestamp();
        for (uint256 p = 0; p < _proposals.length; p++) {
            uint256 proposal = proposalOf(_proposals[p]);
            if (governor.state(proposal) != IGovernor.ProposalState.Active) continue;
            for (uint256 i = 0; i < 4; i++) {
                uint256 dice = uint256(keccak256(abi.encode(_r, p, i))) % 8;
                vote(proposal, i, dice == 0 ? ABSTAIN : dice < 3 ? AGAINST : FOR);
            }
            if (governor.proposalDeadline(proposal) >= end_) end_ = governor.proposalDeadline(proposal) + 1;
        }
        vm.warp(end_);
        for (uint256 p = 0; p < _proposals.length; p++) {
            if (governor.state(proposalOf(_proposals[p])) == IGovernor.ProposalState.Succeeded) queue(_proposals[p]);
        }
    }

    /// Some fail: the request's time has passed, or the money gone back.
    function carryOut(uint256 seed) external mixed(seed) {
        skip(5);
        for (uint256 p = 0; p < _proposals.length; p++) {
            Action memory a = _proposals[p];
            if (governor.state(proposalOf(a)) != IGovernor.ProposalState.Queued) continue;
            bytes memory data = a.calldatas[0];
            bytes32 id;
            assembly ("memory-safe") {
                id := mload(add(data, 36))
            }
            Book storage b = _books[id];
            bool approval = bytes4(data) == Grants.approve.selector;
            bool can = b.state == Grants.State.Requested
                ? !approval || vm.getBlockTimestamp() <= b.expiry
                : !approval && (b.state == Grants.State.Approved || b.state == Grants.State.UseOpened);
            (bool ok,) = address(governor).call(executeCall(a));
            // A copy's delay may not have passed.
            vm.assertTrue(!ok || can, "what was decided can be carried out");
            if (ok && approval) b.state = Grants.State.Approved;
            else if (ok) refunded(id);
        }
    }

    function changeCharter(uint256 seed) external mixed(seed) {
        if (_r >> 252 != 0) return;
        vm.prank(address(timelock));
        grants.setCharter(charterAt(_r));
    }

    /// Guardians pause, and so do owners, also for ever; and lift it.
    function pause(uint256 seed) external mixed(seed) {
        if (registry.pausedUntil() > vm.getBlockTimestamp()) {
            if (_r % 2 == 0) return;
            vm.prank(address(timelock));
            registry.pauseUntil(0);
        } else if (_r % 16 == 0) {
            vm.prank(address(timelock));
            registry.pauseUntil((_r >> 8) % 8 == 0 ? type(uint256).max : vm.getBlockTimestamp() + (_r >> 16) % 1000);
        } else if (_r % 16 == 1) {
            vm.prank(vm.addr(guardianKeys[(_r >> 8) % 3]));
            (bool ok,) = address(registry).call(abi.encodeCall(registry.pause, ()));
            vm.assertTrue(!ok || registry.pausedUntil() > vm.getBlockTimestamp(), "paused");
        }
    }

    // Runners

    function openUse(uint256 seed) external mixed(seed) asked {
        bytes32 id = pick(_r % 8 == 0 ? Grants.State.UseOpened : Grants.State.Approved);
        Book storage b = _books[id];
        uint256 i = (_r >> 200) % RUNNERS;
        bool can = registry.pausedUntil() <= vm.getBlockTimestamp() && canOpen(id, operatorAt(i));
        bytes memory call = openCall(runnerKeys[i], id, uint32(b.done + 1), grants.grantOf(id).keyVersion + 1);
        expects(can, address(grants), call, "open");
        if (!can || b.state != Grants.State.Approved) return;
        b.state = Grants.State.UseOpened;
        _work[id].stake = grants.charter().runnerStake;
        begin(id, i);
        if (b.query) spends(b);
    }

    function canOpen(bytes32 id, address by) private view returns (bool) {
        Book storage b = _books[id];
        if (b.state == Grants.State.UseOpened) {
            return by == _work[id].busy && vm.getBlockTimestamp() <= _work[id].deadline;
        }
        if (b.state != Grants.State.Approved || vm.getBlockTimestamp() > b.expiry) return false;
        GrantsCharter.Charter memory c = grants.charter();
        if (!enough(by, c.runnerStake)) return false;
        bool begins = periodIsOver(c.period);
        if (b.query && (begins ? 0 : spent) + b.epsilon > c.budget) return false;
        return !b.standing || (begins ? 0 : standingUses) < c.standing.uses;
    }

    function periodIsOver(uint256 period) private view returns (bool) {
        return _periodStart == 0 || vm.getBlockTimestamp() >= _periodStart + period;
    }

    function spends(Book storage b) private {
        GrantsCharter.Charter memory c = grants.charter();
        if (periodIsOver(c.period)) (_periodStart, spent, standingUses) = (vm.getBlockTimestamp(), 0, 0);
        spent += b.epsilon;
        if (b.standing) standingUses++;
        vm.assertLe(spent, c.budget, "what uses of a period cost together");
        vm.assertTrue(!b.standing || standingUses <= c.standing.uses, "uses without a vote");
    }

    function challenge(uint256 seed) external mixed(seed) asked {
        bytes32 id = pick(_r % 8 == 0 ? Grants.State.Challenged : Grants.State.Posted);
        Work storage w = _work[id];
        Book storage b = _books[id];
        uint256 i = (_r >> 200) % RUNNERS;
        bool can = registry.pausedUntil() <= vm.getBlockTimestamp();
        if (b.state == Grants.State.Challenged) {
            can = can && operatorAt(i) == w.busy && vm.getBlockTimestamp() <= w.deadline;
        } else {
            can = can && b.state == Grants.State.Posted && vm.getBlockTimestamp() <= disputableUntil(w)
                && operatorAt(i) != w.first && operatorAt(i) != w.second && enough(operatorAt(i), w.stake);
        }
        expects(can, address(grants), challengeCallBy(runnerKeys[i], id, uint32(b.done + 1)), "challenge");
        if (!can || b.state == Grants.State.Challenged) return;
        b.state = Grants.State.Challenged;
        begin(id, i);
    }

    function begin(bytes32 id, uint256 i) private {
        Work storage w = _work[id];
        uint256 now_ = vm.getBlockTimestamp();
        (w.busy, w.since, w.deadline) = (operatorAt(i), now_, now_ + grants.charter().useTime);
        risks(w.busy, w.stake);
    }

    /// The honest result, garbage that several agree on, or one's own.
    function postResult(uint256 seed) external mixed(seed) asked {
        bytes32 id = pick((_r >> 240) % 2 == 0 ? Grants.State.UseOpened : Grants.State.Challenged);
        Book storage b = _books[id];
        Work storage w = _work[id];
        bool can = (b.state == Grants.State.UseOpened || b.state == Grants.State.Challenged)
            && vm.getBlockTimestamp() <= w.deadline;
        bytes32 result = anyResult(w.busy);
        expects(can, address(grants), resultCall(id, keyOfRunner(w.busy), result), "post");
        if (!can) return;
        bool first = b.state == Grants.State.UseOpened;
        address by = w.busy;
        w.busy = address(0);
        b.state = Grants.State.Posted;
        uint256 time = grants.charter().challengeTime;
        if (first) {
            (w.first, w.firstResult, w.until) = (by, result, vm.getBlockTimestamp() + time);
            if (time == 0) pays(id);
        } else if (w.second == address(0) && result != w.firstResult) {
            (w.second, w.secondResult, w.until) = (by, result, vm.getBlockTimestamp() + time);
        } else {
            risksNoMore(by, w.stake);
            if (result == w.firstResult) {
                takes(w.second == address(0) ? by : w.second, w.first, w.stake);
                pays(id);
            } else {
                if (result == w.secondResult) takes(w.first, b.buyer, w.stake);
                refunded(id);
            }
        }
    }

    function anyResult(address by) private view returns (bytes32) {
        uint256 dice = (_r >> 200) % 8;
        return dice < 4 ? HONEST : dice < 6 ? GARBAGE : keccak256(abi.encode(by));
    }

    function resultCall(bytes32 id, uint256 key, bytes32 result) private view returns (bytes memory) {
        uint32 use = uint32(_books[id].done + 1);
        bytes memory signed = resultSignature(key, id, use, result, INPUTS);
        return abi.encodeCall(grants.postResult, (id, use, result, INPUTS, signed));
    }

    function failUse(uint256 seed) external mixed(seed) asked {
        if (_r % 4 == 0) return;
        bytes32 id = pick((_r >> 240) % 2 == 0 ? Grants.State.UseOpened : Grants.State.Challenged);
        Book storage b = _books[id];
        bool again = b.state == Grants.State.Challenged;
        bool can = (again || b.state == Grants.State.UseOpened) && vm.getBlockTimestamp() <= _work[id].deadline;
        bytes memory call = failureCall(keyOfRunner(_work[id].busy), id, uint32(b.done + 1));
        expects(can, address(grants), call, "fail");
        if (!can) return;
        if (again) abandoned(id);
        else refunded(id);
    }

    function settle(uint256 seed) external mixed(seed) asked {
        bytes32 id = pick((_r >> 240) % 4 == 0 ? Grants.State.Challenged : Grants.State.Posted);
        _settle(id);
    }

    function _settle(bytes32 id) private {
        Book storage b = _books[id];
        Work storage w = _work[id];
        bool again = b.state == Grants.State.Challenged;
        bool can = again
            ? vm.getBlockTimestamp() > w.deadline
            : b.state == Grants.State.Posted && vm.getBlockTimestamp() > disputableUntil(w);
        vm.assertTrue(grants.isSettleable(id) == can, "isSettleable says whether");
        expects(can, address(grants), abi.encodeCall(grants.settle, (id)), "settle");
        if (!can) return;
        if (again) abandoned(id);
        else if (w.second == address(0)) pays(id);
        else refunded(id);
    }

    /// Two signatures for two results of one use.
    function contradict(uint256 seed) external mixed(seed) asked {
        if (_r >> 253 != 0) return;
        contradicts(runnerKeys[(_r >> 200) % RUNNERS], requests[_r % requests.length]);
    }

    // The world

    function postEpoch(uint256 seed) external mixed(seed) {
        if (ledger.latestEpoch() >= 12) return;
        uint256 needed = grants.verifierStake();
        bool can = stakes.activeOf(verifier(0)) >= needed && stakes.activeOf(verifier(1)) >= needed;
        Ledger.EpochRoot memory r = epochRoot(claimsOf(_r % 4));
        expects(can, address(ledger), abi.encodeCall(ledger.postEpoch, (r, signEpoch(r, 2))), "post an epoch");
        bool enoughLeaves = ledger.totalLeaves() - grants.snapshotLeaves() >= 2;
        expects(enoughLeaves, address(grants), abi.encodeCall(grants.takeSnapshot, ()), "snapshot");
    }

    function passTime(uint256 seed) external mixed(seed) {
        skip(1 + _r % (_r >> 253 != 0 ? 60 : 12 hours));
    }

    function distributeDividends(uint256 amount) external {
        amount = bound(amount, 1, 1e12);
        distribute(amount);
        distributed += amount;
    }

    /// A stranger tries what only others may, and sends money that nobody asked for.
    function stranger_(uint256 seed) external mixed(seed) asked {
        if (_r % 2 == 0) return;
        dollar.mint(address(grants), _r % 1000);
        donated += _r % 1000;
        bytes32 id = requests[_r % requests.length];
        uint32 use = uint32(_books[id].done + 1);
        uint256 key = uint256(keccak256("stranger"));
        bytes[6] memory calls = [
            abi.encodeCall(grants.approve, (id)),
            abi.encodeCall(grants.revoke, (id)),
            openCall(key, id, use, grants.grantOf(id).keyVersion + 1),
            challengeCallBy(key, id, use),
            resultCall(key, id, use),
            failureCall(key, id, use)
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(stranger);
            expects(false, address(grants), calls[i], "a stranger");
        }
    }

    // The naive book

    /// The one who gives up pays, unless a pause kept it.
    function abandoned(bytes32 id) private {
        Work storage w = _work[id];
        address by = w.busy;
        w.busy = address(0);
        risksNoMore(by, w.stake);
        bool kept = registry.pausedUntil() > w.since;
        if (!kept) takes(by, w.second == address(0) ? w.first : _books[id].buyer, w.stake);
        if (!kept && w.second == address(0)) return pays(id);
        _books[id].state = Grants.State.Posted;
        w.until = vm.getBlockTimestamp() + grants.charter().challengeTime;
    }

    function pays(bytes32 id) private {
        Book storage b = _books[id];
        free(id);
        b.state = ++b.done == b.uses ? Grants.State.Settled : Grants.State.Approved;
        (b.locked, b.settled) = (b.locked - b.price, b.settled + b.price);
        settled += b.price;
        GrantsCharter.Fee[] memory taken = grants.charter().fees;
        for (uint256 i = 0; i < taken.length; i++) {
            uint256 part = b.price * taken[i].basisPoints / 10_000;
            owedTo[taken[i].recipient] += part;
            fees += part;
        }
        delete _work[id];
    }

    function refunded(bytes32 id) private {
        Book storage b = _books[id];
        if (_work[id].busy != address(0)) risksNoMore(_work[id].busy, _work[id].stake);
        free(id);
        b.state = Grants.State.Refunded;
        b.refunded += b.locked;
        owedTo[b.buyer] += b.locked;
        b.locked = 0;
        delete _work[id];
    }

    function free(bytes32 id) private {
        Work storage w = _work[id];
        if (w.first != address(0)) risksNoMore(w.first, w.stake);
        if (w.second != address(0)) risksNoMore(w.second, w.stake);
    }

    /// A pause gives the whole time anew, 30 days more at most.
    function disputableUntil(Work storage w) private view returns (uint256) {
        uint256 paused = registry.pausedUntil();
        uint256 last = w.until + 30 days;
        if (paused >= last) return last;
        uint256 until = paused + grants.charter().challengeTime;
        if (until > last) return last;
        return until > w.until ? until : w.until;
    }

    // What the invariants read

    function count() external view returns (uint256) {
        return requests.length;
    }

    function bookOf(bytes32 id) external view returns (Book memory) {
        return _books[id];
    }

    function workOf(bytes32 id) external view returns (Work memory) {
        return _work[id];
    }

    function contracts() external view returns (Grants, Stakes, ShareToken, TestDollar) {
        return (grants, stakes, token, dollar);
    }

    /// After all deadlines, whatever is locked still can be settled or refunded, by anybody, also if the asset is paused for
    /// ever; and everybody gets the money that is theirs.
    function end(bool paused) external {
        vm.prank(address(timelock));
        registry.pauseUntil(paused ? type(uint256).max : 0);
        for (uint256 round = 0; round < 4; round++) {
            skip(61 days);
            for (uint256 i = 0; i < requests.length; i++) {
                bytes32 id = requests[i];
                Grants.State state = _books[id].state;
                vm.startPrank(stranger);
                if (state == Grants.State.Posted || state == Grants.State.Challenged) {
                    _settle(id);
                } else if (state != Grants.State.Settled && state != Grants.State.Refunded) {
                    grants.refund(id);
                    refunded(id);
                }
                vm.stopPrank();
            }
        }
        for (uint256 i = 0; i < BUYERS + 2; i++) {
            _payCredit(recipientAt(i));
        }
        endStakes();
    }
}
