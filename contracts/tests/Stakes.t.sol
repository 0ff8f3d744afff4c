// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsRunners} from "../src/GrantsRunners.sol";
import {Ledger} from "../src/Ledger.sol";
import {Stakes} from "../src/Stakes.sol";
import {StakesFixture} from "./StakesFixture.sol";
import {FeeDollar, ReentrantDollar} from "./Tokens.sol";

contract StakesTest is StakesFixture {
    string private constant UNSTAKE_TYPE = "Unstake(address account,uint256 amount,uint256 deadline)";

    function unstakeSignature(uint256 key, uint256 amount, uint256 deadline) private view returns (bytes memory) {
        return signature(
            key,
            typedDigest(
                "Trove Stakes",
                block.chainid,
                address(stakes),
                keccak256(abi.encode(keccak256(bytes(UNSTAKE_TYPE)), vm.addr(key), amount, deadline))
            )
        );
    }

    function test_StakeLeavesAfterTheCoolDownAndCountsNoMoreBefore() public {
        uint256 key = runnerKeys[0];
        bytes memory call =
            abi.encodeCall(stakes.unstake, (runner(0), 400e6, DEADLINE, unstakeSignature(key, 400e6, DEADLINE)));
        (bool ok,) = address(stakes).call(call);
        vm.assertTrue(ok, "somebody sent it");
        refuses(address(stakes), call, abi.encodeWithSelector(Stakes.SignatureExpired.selector, DEADLINE));
        vm.assertEq(stakes.activeOf(runner(0)), STAKE - 400e6, "counts no more");
        uint256 from = vm.getBlockTimestamp() + stakes.COOL_DOWN();
        vm.warp(from - 1);
        refuses(
            address(stakes),
            abi.encodeCall(stakes.withdraw, (runner(0))),
            abi.encodeWithSelector(Stakes.TooEarly.selector, from)
        );
        skip(1);
        vm.assertEq(stakes.withdraw(runner(0)), 400e6, "withdrawn");
        vm.assertEq(dollar.balanceOf(runner(0)), 400e6, "paid");
        vm.assertEq(stakes.withdraw(runner(0)), 0, "once");
        vm.assertEq(dollar.balanceOf(address(stakes)), stakes.held(), "the rest is there");
    }

    function test_OnlyTheOperatorTakesOutItsStake() public {
        bytes memory mine = unstakeSignature(runnerKeys[1], 1, DEADLINE);
        refuses(
            address(stakes),
            abi.encodeCall(stakes.unstake, (runner(0), 1, DEADLINE, mine)),
            abi.encodeWithSelector(
                Stakes.NotSigner.selector, recovered(runner(0), 1, mine), runner(0)
            )
        );
        bytes memory late = unstakeSignature(runnerKeys[0], 1, vm.getBlockTimestamp() - 1);
        refuses(
            address(stakes),
            abi.encodeCall(stakes.unstake, (runner(0), 1, vm.getBlockTimestamp() - 1, late)),
            abi.encodeWithSelector(Stakes.SignatureExpired.selector, vm.getBlockTimestamp() - 1)
        );
        vm.startPrank(runner(0));
        refuses(
            address(stakes),
            abi.encodeCall(stakes.unstake, (runner(0), STAKE + 1, 0, "")),
            abi.encodeWithSelector(Stakes.AmountOutOfRange.selector, STAKE + 1, STAKE)
        );
        vm.stopPrank();
    }

    /// Whose signature this would be, over what somebody else was to sign.
    function recovered(address account, uint256 amount, bytes memory s) private view returns (address) {
        bytes32 digest = typedDigest(
            "Trove Stakes",
            block.chainid,
            address(stakes),
            keccak256(abi.encode(keccak256(bytes(UNSTAKE_TYPE)), account, amount, DEADLINE))
        );
        (bytes32 r, bytes32 v) = (bytes32(0), bytes32(0));
        uint8 parity;
        assembly ("memory-safe") {
            r := mload(add(s, 32))
            v := mload(add(s, 64))
            parity := byte(0, mload(add(s, 96)))
        }
        return ecrecover(digest, parity, r, v);
    }

    function test_OnlyTheGrantsSlashAndOnlyTheOwnersReverse() public {
        refuses(
            address(stakes),
            abi.encodeCall(stakes.slash, (runner(0), address(this), 1)),
            abi.encodeWithSelector(Stakes.NotGrants.selector, address(this))
        );
        refuses(
            address(stakes),
            abi.encodeCall(stakes.reverse, (0)),
            abi.encodeWithSelector(Stakes.NotTimelock.selector, address(this))
        );
    }

    // Two signatures

    function rootSignature(uint256 key, Ledger.EpochRoot memory r) private view returns (bytes memory) {
        return signature(
            key,
            typedDigest(
                "Trove Ledger", block.chainid, address(ledger), keccak256(abi.encode(keccak256(bytes(EPOCH_ROOT_TYPE)), r))
            )
        );
    }

    function twoRoots() private view returns (Ledger.EpochRoot memory a, Ledger.EpochRoot memory b) {
        a = Ledger.EpochRoot(2, ledger.epochOf(1).root, "one root", 1e18, 1, "tree", 1);
        b = Ledger.EpochRoot(2, ledger.epochOf(1).root, "other root", 1e18, 1, "tree", 1);
    }

    function showCall(uint256 key, Ledger.EpochRoot memory a, Ledger.EpochRoot memory b)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(stakes.showTwoRoots, (a, rootSignature(key, a), b, rootSignature(key, b)));
    }

    function test_VerifierWhoSignsTwoRootsOfOneEpochLosesAll() public {
        uint256 key = verifierKeys[0];
        deposit(key, 500);
        vm.prank(vm.addr(key));
        stakes.unstake(vm.addr(key), 100, 0, "");
        (Ledger.EpochRoot memory a, Ledger.EpochRoot memory b) = twoRoots();
        bytes memory call = showCall(key, a, b);
        vm.prank(stranger);
        (bool ok,) = address(stakes).call(call);
        vm.assertTrue(ok, "shown");
        vm.assertEq(stakes.activeOf(vm.addr(key)), 0, "nothing counts");
        vm.assertEq(stakes.stakeOf(vm.addr(key)).leaving, 0, "nor leaves");
        vm.assertEq(stakes.slashingOf(0).to, stranger, "who showed it");
        vm.assertEq(stakes.slashingOf(0).amount, 50, "gets a tenth");
        vm.assertEq(stakes.slashingOf(1).to, address(timelock), "the treasury");
        vm.assertEq(stakes.slashingOf(1).amount, 450, "the rest");
    }

    function test_WhatIsNoContradictionSlashesNobody() public {
        uint256 key = verifierKeys[0];
        deposit(key, 500);
        bytes memory no = abi.encodeWithSelector(Stakes.NoContradiction.selector);
        (Ledger.EpochRoot memory a, Ledger.EpochRoot memory b) = twoRoots();
        refuses(address(stakes), showCall(key, a, a), no);
        // Another epoch, another chain of roots, another set of verifiers: no honest verifier may lose anything.
        b.epoch = 3;
        refuses(address(stakes), showCall(key, a, b), no);
        (a, b) = twoRoots();
        b.previousRoot = "another";
        refuses(address(stakes), showCall(key, a, b), no);
        (a, b) = twoRoots();
        b.verifierSetVersion = 2;
        refuses(address(stakes), showCall(key, a, b), no);
        (a, b) = twoRoots();
        refuses(
            address(stakes),
            abi.encodeCall(
                stakes.showTwoRoots, (a, rootSignature(key, a), b, rootSignature(verifierKeys[1], b))
            ),
            no
        );
        refuses(address(stakes), abi.encodeCall(stakes.showTwoRoots, (a, "", b, "")), no);
        // Shown once, and not again after a new deposit.
        (bool ok,) = address(stakes).call(showCall(key, a, b));
        vm.assertTrue(ok, "shown");
        deposit(key, 500);
        refuses(address(stakes), showCall(key, b, a), no);
    }

    function test_RunnerWhoSignsTwoResultsOfOneUseLosesAll() public {
        bytes32 id = posted(HONEST);
        GrantsRunners.Result memory a = GrantsRunners.Result(id, 1, HONEST, INPUTS, runner(0));
        GrantsRunners.Result memory b = GrantsRunners.Result(id, 1, GARBAGE, INPUTS, runner(0));
        bytes memory s = resultSignature(runnerKeys[0], id, 1, HONEST, INPUTS);
        bytes memory other = resultSignature(runnerKeys[0], id, 1, GARBAGE, INPUTS);
        bytes memory no = abi.encodeWithSelector(Stakes.NoContradiction.selector);
        refuses(address(stakes), abi.encodeCall(stakes.showTwoResults, (a, s, a, s)), no);
        // Each signed by the same runner: two uses, two requests, or a result that names another runner contradict nothing.
        b.use = 2;
        contradictsNothing(a, s, b);
        (b.use, b.request) = (1, "another");
        contradictsNothing(a, s, b);
        (b.request, b.runner) = (id, runner(1));
        contradictsNothing(a, s, b);
        b.runner = runner(0);
        stakes.showTwoResults(a, s, b, other);
        slashed(1, runner(0), address(timelock), STAKE - STAKE / 10);
    }

    function contradictsNothing(GrantsRunners.Result memory a, bytes memory s, GrantsRunners.Result memory b) private {
        refuses(
            address(stakes),
            abi.encodeCall(stakes.showTwoResults, (a, s, b, signature(runnerKeys[0], grants.resultDigest(b)))),
            abi.encodeWithSelector(Stakes.NoContradiction.selector)
        );
    }

    function test_NothingIsTakenOutAndNoSlashingThereIsNotIsPaidOrShown() public {
        vm.startPrank(runner(0));
        refuses(
            address(stakes),
            abi.encodeCall(stakes.unstake, (runner(0), 0, 0, "")),
            abi.encodeWithSelector(Stakes.AmountOutOfRange.selector, 0, STAKE)
        );
        vm.stopPrank();
        bytes memory none = abi.encodeWithSelector(Stakes.NoSuchSlashing.selector, 0);
        refuses(address(stakes), abi.encodeCall(stakes.pay, (0)), none);
        refuses(address(stakes), abi.encodeCall(stakes.slashingOf, (0)), none);
    }

    function test_StakeOfATokenThatTakesAFeeIsRefused() public {
        useMoney(new FeeDollar());
        refuses(
            address(stakes),
            depositCall(runnerKeys[0], 1000),
            abi.encodeWithSelector(Stakes.PaymentMismatch.selector, 900, 1000)
        );
    }

    function test_ReentrantTokenGetsNoStakeOutTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        deposit(runnerKeys[0], STAKE);
        // Signed, and the money made, before the token calls back.
        bytes memory call = depositCall(runnerKeys[0], STAKE);
        money.arm(address(stakes), abi.encodeCall(stakes.withdraw, (runner(0))));
        (bool ok,) = address(stakes).call(call);
        vm.assertTrue(ok, "deposited");
        reentered(money);
        bytes memory again = depositCall(runnerKeys[1], STAKE);
        vm.prank(runner(0));
        stakes.unstake(runner(0), STAKE, 0, "");
        skip(stakes.COOL_DOWN());
        money.arm(address(stakes), again);
        stakes.withdraw(runner(0));
        reentered(money);
        vm.prank(address(grants));
        stakes.slash(runner(0), buyer, 10);
        skip(stakes.APPEAL());
        money.arm(address(stakes), again);
        stakes.pay(0);
        reentered(money);
        vm.assertEq(money.balanceOf(address(stakes)), stakes.held(), "the rest is there");
    }

    function test_OwnersGiveBackByAVoteOnTheConstitutionBeforeItIsPaid() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        post(id, 1, HONEST);
        slashed(0, runner(1), runner(0), STAKE);
        Action memory a = actionOf(address(stakes), abi.encodeCall(Stakes.reverse, (0)), "It was not its fault");
        carryOut(a);
        vm.assertEq(stakes.activeOf(runner(1)), STAKE, "it has it back");
        skip(stakes.APPEAL());
        refuses(address(stakes), abi.encodeCall(stakes.pay, (0)), abi.encodeWithSelector(Stakes.NoSuchSlashing.selector, 0));
        (uint256 class,) = classOf(a);
        vm.assertEq(class, 2, "of the constitution");
    }

    function classOf(Action memory a) private view returns (uint256, uint256) {
        uint256 p = proposalOf(a);
        (bool ok, bytes memory data) = address(governor).staticcall(abi.encodeCall(governor.rulesFor, (p)));
        vm.assertTrue(ok, "is there");
        return (abi.decode(data, (uint256)), p);
    }

    function test_OwnersCannotGiveBackWhatIsFinal() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        post(id, 1, HONEST);
        uint256 finalAt = stakes.slashingOf(0).finalAt;
        vm.warp(finalAt);
        vm.startPrank(address(timelock));
        refuses(
            address(stakes),
            abi.encodeCall(stakes.reverse, (0)),
            abi.encodeWithSelector(Stakes.TooLate.selector, finalAt)
        );
        vm.stopPrank();
        stakes.pay(0);
        vm.assertEq(dollar.balanceOf(runner(0)), STAKE, "paid");
        vm.assertEq(dollar.balanceOf(address(stakes)), stakes.held(), "the rest is there");
    }

    function test_SignatureOfAVerifierWithoutStakeDoesNotCount() public {
        AssetFactory.AssetParams memory p = params("verifiers with a stake");
        p.charter.verifierStake = 100;
        useAsset(p);
        deposit(verifierKeys[0], 100);
        deposit(verifierKeys[1], 99);
        Ledger.EpochRoot memory r = Ledger.EpochRoot(1, 0, 0, 0, 0, 0, 1);
        bytes[] memory signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (rootSignature(verifierKeys[0], r), rootSignature(verifierKeys[1], r));
        bytes memory call = abi.encodeCall(ledger.postEpoch, (r, signatures));
        refuses(
            address(ledger),
            call,
            abi.encodeWithSelector(Ledger.StakeTooSmall.selector, vm.addr(verifierKeys[1]), 99, 100)
        );
        deposit(verifierKeys[1], 1);
        (bool ok,) = address(ledger).call(call);
        vm.assertTrue(ok, "posted");
    }
}
