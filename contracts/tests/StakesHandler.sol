// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsRunners} from "../src/GrantsRunners.sol";
import {Ledger} from "../src/Ledger.sol";
import {Stakes} from "../src/Stakes.sol";
import {StakesFixture} from "./StakesFixture.sol";

/// Operators who put stakes in and take them out, and whoever takes them away; and beside them a naive book of it.
abstract contract StakesHandler is StakesFixture {
    uint256 public constant RUNNERS = 5;
    uint256 public constant VERIFIERS = 3;

    struct Account {
        uint256 active;
        uint256 leaving;
        uint256 leavesAt;
        /// What hangs on uses.
        uint256 risk;
        /// Two signatures took of it while uses hung on it.
        bool shown;
    }

    struct Taken {
        address account;
        address to;
        uint256 amount;
        uint256 finalAt;
    }

    mapping(address operator => Account) private _accounts;
    Taken[] private _taken;
    address[] private _operators;
    mapping(bytes32 matter => bool) private _shown;
    /// Payment units in the contract, by the naive book.
    uint256 public held;
    /// Random bits of this call.
    uint256 internal _r;

    /// Forge prefers small numbers and those it has seen; here every bit counts.
    modifier mixed(uint256 seed) {
        _r = uint256(keccak256(abi.encode(seed)));
        _;
    }

    function startBook() internal {
        for (uint256 i = 0; i < RUNNERS + VERIFIERS; i++) {
            _operators.push(vm.addr(keyAt(i)));
            _deposit(keyAt(i), 2000);
        }
    }

    function keyAt(uint256 i) internal view returns (uint256) {
        return i < RUNNERS ? runnerKeys[i] : verifierKeys[i - RUNNERS];
    }

    function operatorAt(uint256 i) public view returns (address) {
        return _operators[i];
    }

    function verifier(uint256 i) internal view returns (address) {
        return operatorAt(RUNNERS + i);
    }

    /// Of nobody, that of somebody else.
    function keyOfRunner(address account) internal view returns (uint256) {
        for (uint256 i = 0; i < RUNNERS; i++) {
            if (_operators[i] == account) return runnerKeys[i];
        }
        return runnerKeys[0];
    }

    /// The call succeeds exactly when the book says so.
    function expects(bool can, address target, bytes memory call, string memory what) internal {
        (bool ok,) = target.call(call);
        vm.assertTrue(ok == can, string.concat(what, can ? ": must succeed" : ": must be refused"));
    }

    function depositStake(uint256 seed) external mixed(seed) {
        _deposit(keyAt(_r % (RUNNERS + VERIFIERS)), 1 + (_r >> 8) % 3000);
    }

    function _deposit(uint256 key, uint256 amount) private {
        deposit(key, amount);
        _accounts[vm.addr(key)].active += amount;
        held += amount;
    }

    function unstake(uint256 seed) external mixed(seed) {
        // Seldom all, or nobody could run anything.
        _unstake(operatorAt(_r % (RUNNERS + VERIFIERS)), (_r >> 8) % (_r >> 253 == 0 ? 4000 : 400));
    }

    function _unstake(address account, uint256 amount) private {
        Account storage a = _accounts[account];
        bool can = amount != 0 && a.active >= a.risk && amount <= a.active - a.risk;
        vm.prank(account);
        expects(can, address(stakes), abi.encodeCall(stakes.unstake, (account, amount, 0, "")), "unstake");
        if (!can) return;
        (a.active, a.leaving, a.leavesAt) = (a.active - amount, a.leaving + amount, vm.getBlockTimestamp() + 90 days);
    }

    function withdrawStake(uint256 seed) external mixed(seed) {
        if (_r >> 253 == 0) skip(45 days);
        _withdraw(operatorAt((_r >> 8) % (RUNNERS + VERIFIERS)));
    }

    function _withdraw(address account) private {
        Account storage a = _accounts[account];
        bool can = a.leaving == 0 || vm.getBlockTimestamp() >= a.leavesAt;
        uint256 before = dollar.balanceOf(account);
        expects(can, address(stakes), abi.encodeCall(stakes.withdraw, (account)), "withdraw");
        if (!can) return;
        vm.assertEq(dollar.balanceOf(account) - before, a.leaving, "what has left");
        held -= a.leaving;
        a.leaving = 0;
    }

    /// Paid to whom it was given when nobody can give it back any more; given back by a vote before.
    function endSlashing(uint256 seed) external mixed(seed) {
        if (_taken.length == 0) return;
        if (_r >> 254 == 0) _reverse((_r >> 8) % _taken.length);
        else _pay((_r >> 8) % _taken.length);
    }

    function _pay(uint256 n) private {
        Taken memory t = _taken[n];
        bool can = t.amount != 0 && vm.getBlockTimestamp() >= t.finalAt;
        uint256 before = dollar.balanceOf(t.to);
        expects(can, address(stakes), abi.encodeCall(stakes.pay, (n)), "pay");
        if (!can) return;
        vm.assertEq(dollar.balanceOf(t.to) - before, t.amount, "what was taken");
        held -= t.amount;
        delete _taken[n];
    }

    function _reverse(uint256 n) private {
        Taken memory t = _taken[n];
        bool can = t.amount != 0 && vm.getBlockTimestamp() < t.finalAt;
        vm.prank(address(timelock));
        expects(can, address(stakes), abi.encodeCall(stakes.reverse, (n)), "reverse");
        if (!can) return;
        _accounts[t.account].active += t.amount;
        delete _taken[n];
    }

    /// Two signatures of a verifier for two roots of one epoch.
    function contradictRoots(uint256 seed) external mixed(seed) {
        if (_r >> 253 != 0) return;
        uint256 key = keyAt(RUNNERS + (_r >> 8) % VERIFIERS);
        Ledger.EpochRoot memory a;
        (a.epoch, a.previousRoot, a.root) = (uint64((_r >> 16) % 4), bytes32((_r >> 32) % 2), "a");
        bytes memory ofA = signature(key, epochDigest(a));
        Ledger.EpochRoot memory b = a;
        b.total = 1;
        a = abi.decode(abi.encode(b), (Ledger.EpochRoot));
        a.total = 0;
        bool can = shows(key, keccak256(abi.encode(a.epoch, a.previousRoot)));
        bytes memory call = abi.encodeCall(stakes.showTwoRoots, (a, ofA, b, signature(key, epochDigest(b))));
        vm.prank(stranger);
        expects(can, address(stakes), call, "show two roots");
        if (can) takesPart(key, 100);
    }

    /// Two facts of one contribution by one verifier, or by one and the two others.
    function contradictFacts(uint256 seed) external mixed(seed) {
        if (_r >> 253 != 0) return;
        uint256 by = (_r >> 8) % VERIFIERS;
        uint256 key = keyAt(RUNNERS + by);
        Stakes.Facts memory a;
        (a.contribution, a.verifierSetVersion) = (bytes32((_r >> 16) % 4), 1);
        Stakes.Facts memory b = abi.decode(abi.encode(a), (Stakes.Facts));
        b.words = 1;
        bytes memory ofB = signature(key, stakes.attestationDigest(b));
        bytes32 digest = stakes.attestationDigest(a);
        bytes memory call;
        bool outvoted = (_r >> 32) % 2 == 0;
        if (outvoted) {
            bytes[] memory others = new bytes[](2);
            others[0] = signature(keyAt(RUNNERS + (by == 0 ? 1 : 0)), digest);
            others[1] = signature(keyAt(RUNNERS + (by == 2 ? 1 : 2)), digest);
            call = abi.encodeCall(stakes.showOutvoted, (a, others, b, ofB));
        } else {
            call = abi.encodeCall(stakes.showTwoAttestations, (a, signature(key, digest), b, ofB));
        }
        bool can = shows(key, keccak256(abi.encode("facts", outvoted, a.contribution)));
        vm.prank(stranger);
        expects(can, address(stakes), call, "show facts");
        if (can) takesPart(key, outvoted ? 10 : 100);
    }

    function contradicts(uint256 key, bytes32 id) internal {
        GrantsRunners.Result memory a = GrantsRunners.Result(id, uint32(1 + (_r >> 8) % 2), HONEST, INPUTS, vm.addr(key));
        GrantsRunners.Result memory b = GrantsRunners.Result(id, a.use, GARBAGE, INPUTS, a.runner);
        bool can = shows(key, keccak256(abi.encode(id, a.use)));
        bytes memory call = abi.encodeCall(
            stakes.showTwoResults,
            (
                a,
                resultSignature(key, id, a.use, a.resultHash, INPUTS),
                b,
                resultSignature(key, id, a.use, b.resultHash, INPUTS)
            )
        );
        vm.prank(stranger);
        expects(can, address(stakes), call, "show two results");
        if (can) takesPart(key, 100);
    }

    /// Once for each operator and matter.
    function shows(uint256 key, bytes32 matter) private returns (bool first) {
        matter = keccak256(abi.encode(matter, key));
        first = !_shown[matter];
        _shown[matter] = true;
    }

    function takesPart(uint256 key, uint256 percent) private {
        Account storage a = _accounts[vm.addr(key)];
        uint256 part = (a.active + a.leaving) * percent / 100;
        a.shown = a.risk != 0;
        takes(vm.addr(key), stranger, part / 10);
        takes(vm.addr(key), address(timelock), part - part / 10);
    }

    function takes(address account, address to, uint256 amount) internal {
        Account storage a = _accounts[account];
        uint256 active = amount < a.active ? amount : a.active;
        uint256 leaving = amount - active < a.leaving ? amount - active : a.leaving;
        if (active + leaving == 0) return;
        (a.active, a.leaving) = (a.active - active, a.leaving - leaving);
        _taken.push(Taken(account, to, active + leaving, vm.getBlockTimestamp() + 45 days));
    }

    function enough(address account, uint256 stake) internal view returns (bool) {
        Account storage a = _accounts[account];
        return a.active >= a.risk + stake;
    }

    function risks(address account, uint256 stake) internal {
        _accounts[account].risk += stake;
    }

    function risksNoMore(address account, uint256 stake) internal {
        Account storage a = _accounts[account];
        a.risk -= stake;
        if (a.risk == 0) a.shown = false;
    }

    function accountOf(address operator) external view returns (Account memory) {
        return _accounts[operator];
    }

    function takings() external view returns (uint256) {
        return _taken.length;
    }

    function taken(uint256 n) external view returns (Taken memory) {
        return _taken[n];
    }

    /// When no use hangs on anything, all of it can be fetched.
    function endStakes() internal {
        for (uint256 i = 0; i < RUNNERS + VERIFIERS; i++) {
            address account = operatorAt(i);
            uint256 amount = _accounts[account].active;
            if (amount != 0) _unstake(account, amount);
        }
        skip(90 days);
        for (uint256 i = 0; i < RUNNERS + VERIFIERS; i++) {
            _withdraw(operatorAt(i));
        }
        for (uint256 n = 0; n < _taken.length; n++) {
            if (_taken[n].amount != 0) _pay(n);
        }
    }
}
