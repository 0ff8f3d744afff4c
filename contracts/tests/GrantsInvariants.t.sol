// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// Buyers, owners, runners, guardians and strangers, in any order and at any time; and beside them a naive book of the money.
contract GrantsHandler is GrantsFixture {
    uint256 private constant MAX_REQUESTS = 24;
    uint256 public constant BUYERS = 3;

    /// Where the money of a request is, by the naive book.
    struct Money {
        uint256 paid;
        uint256 locked;
        uint256 settled;
        uint256 refunded;
    }

    bytes32[] public requests;
    mapping(bytes32 request => Money) private _money;
    mapping(bytes32 request => address) public buyerOf;
    mapping(address buyer => uint256) public owedTo;
    uint256 public received;
    uint256 public settled;
    uint256 public paidBack;
    uint256 public donated;
    uint256 public distributed;
    Action[] private _proposals;
    uint256 private _salt;
    /// Random bits of this call.
    uint256 private _r;

    function buyerKey(uint256 seed) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("buyer", seed % BUYERS)));
    }

    function buyerAt(uint256 i) public pure returns (address) {
        return vm.addr(buyerKey(i));
    }

    function any(uint256 seed) private view returns (bytes32) {
        return requests[seed % requests.length];
    }

    /// A request in this state, or any when there is none: random ones alone would seldom get far.
    function pick(Grants.State wanted) private view returns (bytes32) {
        for (uint256 i = 0; i < requests.length; i++) {
            bytes32 id = requests[(_r % requests.length + i) % requests.length];
            if (stateOf(id) == wanted) return id;
        }
        return any(_r);
    }

    /// Forge prefers small numbers and those it has seen; here every bit counts.
    modifier mixed(uint256 seed) {
        _r = uint256(keccak256(abi.encode(seed)));
        _;
    }

    // Buyers

    function ask(uint256 seed, uint96 price) external mixed(seed) {
        if (requests.length == MAX_REQUESTS) return;
        uint256 key = buyerKey(_r);
        Grants.Terms memory t = termsOf(bytes32(++_salt));
        t.buyer = vm.addr(key);
        t.price = bound(price, 1, uint256(1) << (_r % 80));
        t.uses = uint32(1 + (_r >> 8) % 4);
        if ((_r >> 24) % 4 == 0) (t.use, t.epsilon) = (2, 0);
        t.expiry = uint64(vm.getBlockTimestamp() + 1 + (_r >> 16) % 2 days);
        uint256 total = t.price * t.uses;
        dollar.mint(t.buyer, total);
        bytes32 id = idOf(t);
        grants.request(
            t, CODE, DEADLINE, signature(key, receiveDigest(t.buyer, address(grants), total, DEADLINE, id))
        );
        requests.push(id);
        buyerOf[id] = t.buyer;
        (_money[id].paid, _money[id].locked) = (total, total);
        received += total;
        // Most are voted on.
        if (_r >> 250 != 0) _propose(approvalOf(id));
    }

    function payCredit(uint256 seed) external mixed(seed) {
        address to = buyerAt(_r);
        uint256 paid = grants.payCredit(to);
        vm.assertEq(paid, owedTo[to], "paid what is owed");
        paidBack += paid;
        delete owedTo[to];
    }

    function refund(uint256 seed) external mixed(seed) {
        if (requests.length == 0) return;
        bytes32 id = any(_r);
        bool can = grants.isRefundable(id);
        (bool ok,) = address(grants).call(abi.encodeCall(grants.refund, (id)));
        vm.assertTrue(ok == can, "isRefundable says whether");
        if (ok) refunded(id);
    }

    function refunded(bytes32 id) private {
        Money storage m = _money[id];
        m.refunded += m.locked;
        owedTo[buyerOf[id]] += m.locked;
        m.locked = 0;
    }

    // Owners

    function _propose(Action memory a) private {
        propose(a, owner(3));
        _proposals.push(a);
    }

    function proposeSomething(uint256 seed) external mixed(seed) {
        if (requests.length == 0) return;
        bytes32 id = any(_r);
        Action memory a = approvalOf(id);
        // Few are taken back.
        if (stateOf(id) == Grants.State.Approved && _r % 4 != 0) return;
        if (stateOf(id) != Grants.State.Requested || governor.proposalSnapshot(proposalOf(a)) != 0) {
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
            (bool ok,) = address(governor).call(executeCall(a));
            bytes memory data = a.calldatas[0];
            bytes32 id;
            assembly ("memory-safe") {
                id := mload(add(data, 36))
            }
            if (ok && bytes4(data) == Grants.revoke.selector) refunded(id);
        }
    }

    // Runners and guardians

    function openUse(uint256 seed) external mixed(seed) {
        if (requests.length == 0) return;
        bytes32 id = pick(_r % 8 == 0 ? Grants.State.UseOpened : Grants.State.Approved);
        Grants.Grant memory g = grants.grantOf(id);
        uint32 version = g.state == Grants.State.UseOpened ? g.keyVersion + 1 : 1;
        // Refused where it must be: Uses.t.sol.
        (bool ok,) = address(grants).call(openCall(runnerKeys[_r >> 255], id, g.settledUses + 1, version));
        vm.assertTrue(!ok || stateOf(id) == Grants.State.UseOpened, "opened");
    }

    function finishUse(uint256 seed) external mixed(seed) {
        if (requests.length == 0) return;
        bytes32 id = pick(Grants.State.UseOpened);
        Grants.Grant memory g = grants.grantOf(id);
        uint256 key = g.runner == runner(1) ? runnerKeys[1] : runnerKeys[0];
        bool fails = (_r >> 200) % 4 == 0;
        uint32 use = g.settledUses + 1;
        (bool ok,) = address(grants).call(fails ? failureCall(key, id, use) : resultCall(key, id, use));
        vm.assertTrue(
            ok == (g.state == Grants.State.UseOpened && vm.getBlockTimestamp() <= g.useDeadline), "when it is open"
        );
        if (!ok) return;
        if (fails) return refunded(id);
        Money storage m = _money[id];
        uint256 price = grants.grantOf(id).price;
        (m.locked, m.settled, settled) = (m.locked - price, m.settled + price, settled + price);
    }

    function pause(uint256 seed) external mixed(seed) {
        // Seldom, or nothing would ever be opened.
        if (_r % 32 != 0) return;
        vm.prank(vm.addr(guardianKeys[(_r >> 8) % 3]));
        (bool ok,) = address(registry).call(abi.encodeCall(registry.pause, ()));
        vm.assertTrue(!ok || registry.pausedUntil() > vm.getBlockTimestamp(), "paused");
    }

    // The world

    function postEpoch(uint256 seed) external mixed(seed) {
        if (ledger.latestEpoch() >= 12) return;
        post(claimsOf(_r % 4));
        bool enough = ledger.totalLeaves() - grants.snapshotLeaves() >= 2;
        (bool ok,) = address(grants).call(abi.encodeCall(grants.takeSnapshot, ()));
        vm.assertTrue(ok == enough, "snapshots need new contributions");
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
    function stranger_(uint256 seed) external mixed(seed) {
        dollar.mint(address(grants), _r % 1000);
        donated += _r % 1000;
        if (requests.length == 0) return;
        bytes32 id = any(_r);
        uint32 use = grants.grantOf(id).settledUses + 1;
        uint256 key = uint256(keccak256("stranger"));
        bytes[5] memory calls = [
            abi.encodeCall(grants.approve, (id)),
            abi.encodeCall(grants.revoke, (id)),
            openCall(key, id, use, 1),
            resultCall(key, id, use),
            failureCall(key, id, use)
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(stranger);
            (bool ok,) = address(grants).call(calls[i]);
            vm.assertTrue(!ok, "not a stranger");
        }
    }

    // What the invariants read

    function count() external view returns (uint256) {
        return requests.length;
    }

    function moneyOf(bytes32 id) external view returns (Money memory) {
        return _money[id];
    }

    function contracts() external view returns (Grants, ShareToken, TestDollar) {
        return (grants, token, dollar);
    }

    /// After the last deadline of all: whatever is locked still can be refunded, by anybody.
    function end() external {
        uint256 last = vm.getBlockTimestamp();
        for (uint256 i = 0; i < requests.length; i++) {
            Grants.Grant memory g = grants.grantOf(requests[i]);
            if (g.expiry > last) last = g.expiry;
            if (g.useDeadline > last) last = g.useDeadline;
        }
        vm.warp(last + 1);
        for (uint256 i = 0; i < requests.length; i++) {
            bytes32 id = requests[i];
            Grants.State state = stateOf(id);
            if (state == Grants.State.Settled || state == Grants.State.Refunded) continue;
            vm.prank(stranger);
            grants.refund(id);
            refunded(id);
        }
        for (uint256 i = 0; i < BUYERS; i++) {
            address to = buyerAt(i);
            paidBack += grants.payCredit(to);
            delete owedTo[to];
        }
    }
}

contract GrantsInvariantTest is GrantsFixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    GrantsHandler private handler;

    function setUp() public override {
        handler = new GrantsHandler();
        handler.setUp();
        (grants, token, dollar) = handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        bytes4[] memory s = new bytes4[](15);
        // Twice what leads on.
        (s[0], s[1], s[2]) = (GrantsHandler.ask.selector, GrantsHandler.decide.selector, GrantsHandler.carryOut.selector);
        (s[3], s[4], s[5]) =
            (GrantsHandler.openUse.selector, GrantsHandler.finishUse.selector, GrantsHandler.proposeSomething.selector);
        (s[6], s[7], s[8]) =
            (GrantsHandler.refund.selector, GrantsHandler.payCredit.selector, GrantsHandler.pause.selector);
        (s[9], s[10], s[11]) =
            (GrantsHandler.postEpoch.selector, GrantsHandler.passTime.selector, GrantsHandler.stranger_.selector);
        (s[12], s[13], s[14]) =
            (GrantsHandler.distributeDividends.selector, GrantsHandler.openUse.selector, GrantsHandler.finishUse.selector);
        targets[0].selectors = s;
    }

    /// One campaign for all three: forge would run the same calls again for each.
    function invariant_EscrowAndDividendsNeverMixAndAreAccountedForToTheUnit() public view {
        escrowIsWhatRequestsLocked();
        allThatWasReceivedIsSomewhere();
        dividendsAreSettlementsAndDistributions();
    }

    function escrowIsWhatRequestsLocked() private view {
        uint256 locked = 0;
        for (uint256 i = 0; i < handler.count(); i++) {
            bytes32 id = handler.requests(i);
            GrantsHandler.Money memory m = handler.moneyOf(id);
            Grants.Grant memory g = grants.grantOf(id);
            locked += m.locked;
            vm.assertEq(m.paid, m.locked + m.settled + m.refunded, "of one request");
            vm.assertEq(g.price * g.uses, m.paid, "price of all uses");
            vm.assertEq(g.price * g.settledUses, m.settled, "settled uses");
            bool over = g.state == Grants.State.Settled || g.state == Grants.State.Refunded;
            vm.assertEq(over ? 0 : g.price * (g.uses - g.settledUses), m.locked, "uses that wait");
            vm.assertTrue((g.runner != address(0)) == (g.state == Grants.State.UseOpened), "a runner while it is open");
        }
        vm.assertEq(grants.escrowed(), locked, "escrowed");
    }

    function allThatWasReceivedIsSomewhere() private view {
        uint256 owed = 0;
        for (uint256 i = 0; i < handler.BUYERS(); i++) {
            address b = handler.buyerAt(i);
            vm.assertEq(grants.creditOf(b), handler.owedTo(b), "credit of a buyer");
            owed += handler.owedTo(b);
        }
        vm.assertEq(grants.credited(), owed, "credited");
        vm.assertEq(
            handler.received(),
            handler.settled() + handler.paidBack() + grants.credited() + grants.escrowed(),
            "received"
        );
        vm.assertEq(
            dollar.balanceOf(address(grants)), grants.escrowed() + grants.credited() + handler.donated(), "balance"
        );
    }

    function dividendsAreSettlementsAndDistributions() private view {
        vm.assertEq(token.dividendsReceived(), handler.settled() + handler.distributed(), "dividends");
    }

    /// Every escrow ends settled or refunded: past the last deadline nothing can be held back.
    function afterInvariant() public {
        handler.end();
        vm.assertEq(grants.escrowed(), 0, "nothing waits");
        vm.assertEq(grants.credited(), 0, "nothing is owed");
        vm.assertEq(dollar.balanceOf(address(grants)), handler.donated(), "but what nobody asked for");
        vm.assertEq(handler.received(), handler.settled() + handler.paidBack(), "settled or refunded");
    }
}
