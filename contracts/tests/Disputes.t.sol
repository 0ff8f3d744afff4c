// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsRunners} from "../src/GrantsRunners.sol";
import {Stakes} from "../src/Stakes.sol";
import {StakesFixture} from "./StakesFixture.sol";

/// A result that can be disputed: who is alone with what it computed pays.
contract DisputesTest is StakesFixture {
    function test_UndisputedResultPaysTheOwnersWhenItsTimeIsOver() public {
        bytes32 id = posted(HONEST);
        isIn(id, Grants.State.Posted, "posted");
        moneyIs(PRICE, 0, 0);
        vm.assertEq(grants.atRisk(runner(0)), STAKE, "hangs on the use");
        uint256 until = vm.getBlockTimestamp() + CHALLENGE_TIME;
        vm.warp(until);
        vm.assertTrue(!grants.isSettleable(id), "not yet");
        refuses(address(grants), abi.encodeCall(grants.settle, (id)), abi.encodeWithSelector(Grants.TooEarly.selector, until));
        skip(1);
        vm.assertTrue(grants.isSettleable(id), "now");
        grants.settle(id);
        isIn(id, Grants.State.Settled, "settled");
        moneyIs(0, 0, PRICE);
        vm.assertEq(grants.atRisk(runner(0)), 0, "free");
        refuses(address(grants), abi.encodeCall(grants.settle, (id)), wrongState(id, Grants.State.Settled));
    }

    function test_WhoDisputesARightResultPaysTheFirstRunner() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        isIn(id, Grants.State.Challenged, "challenged");
        vm.assertEq(grants.grantOf(id).oneTimeKey, KEY, "guardians see its key");
        vm.assertEq(grants.grantOf(id).runner, runner(1), "and who it is");
        post(id, 1, HONEST);
        isIn(id, Grants.State.Settled, "settled at once");
        slashed(0, runner(1), runner(0), STAKE);
        moneyIs(0, 0, PRICE);
        free(3);
    }

    function test_GarbageIsNeverPaidFor() public {
        bytes32 id = posted(GARBAGE);
        challenge(id, 1);
        post(id, 1, HONEST);
        isIn(id, Grants.State.Posted, "a third one decides");
        challenge(id, 2);
        post(id, 2, HONEST);
        isIn(id, Grants.State.Refunded, "refunded");
        slashed(0, runner(0), buyer, STAKE);
        moneyIs(0, PRICE, 0);
        free(3);
        // The stake pays the buyer, when the owners have had time to give it back.
        refuses(
            address(stakes),
            abi.encodeCall(stakes.pay, (0)),
            abi.encodeWithSelector(Stakes.TooEarly.selector, vm.getBlockTimestamp() + stakes.APPEAL())
        );
        skip(stakes.APPEAL());
        uint256 before = dollar.balanceOf(buyer);
        stakes.pay(0);
        vm.assertEq(dollar.balanceOf(buyer) - before, STAKE, "paid to the buyer");
        refuses(address(stakes), abi.encodeCall(stakes.pay, (0)), abi.encodeWithSelector(Stakes.NoSuchSlashing.selector, 0));
    }

    function test_OtherInputsAreAnotherResult() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        grants.postResult(id, 1, HONEST, "other inputs", resultSignature(runnerKeys[1], id, 1, HONEST, "other inputs"));
        isIn(id, Grants.State.Posted, "disputed");
        vm.assertEq(grants.postingOf(id).challenger, runner(1), "by the second");
    }

    function test_ThirdRunnerAgreesWithTheFirst() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        post(id, 1, GARBAGE);
        challenge(id, 2);
        post(id, 2, HONEST);
        isIn(id, Grants.State.Settled, "settled");
        slashed(0, runner(1), runner(0), STAKE);
        moneyIs(0, 0, PRICE);
        free(3);
    }

    function test_ThreeDifferentResultsPayTheBuyerBackAndNobodyIsSlashed() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        post(id, 1, GARBAGE);
        challenge(id, 2);
        post(id, 2, "something else");
        isIn(id, Grants.State.Refunded, "refunded");
        vm.assertEq(stakes.slashings(), 0, "nobody can say who lied");
        moneyIs(0, PRICE, 0);
        free(3);
    }

    function test_DisputeThatNoThirdRunnerDecidesPaysTheBuyerBack() public {
        bytes32 id = posted(GARBAGE);
        challenge(id, 1);
        post(id, 1, HONEST);
        skip(CHALLENGE_TIME + 1);
        refuses(address(grants), challengeCall(id, 2), tooLate(vm.getBlockTimestamp() - 1));
        grants.settle(id);
        isIn(id, Grants.State.Refunded, "refunded");
        vm.assertEq(stakes.slashings(), 0, "nobody is slashed");
        free(3);
    }

    function test_WhoBeginsToDisputeAndDoesNotFinishPays() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        uint256 deadline = grants.grantOf(id).useDeadline;
        vm.warp(deadline);
        refuses(address(grants), abi.encodeCall(grants.settle, (id)), abi.encodeWithSelector(Grants.TooEarly.selector, deadline));
        skip(1);
        refuses(address(grants), postCall(id, 1, GARBAGE), tooLate(deadline));
        grants.settle(id);
        isIn(id, Grants.State.Settled, "what was posted counts");
        slashed(0, runner(1), runner(0), STAKE);
        free(3);
    }

    function test_WhoGivesUpDisputingPays() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        grants.failUse(id, 1, "timeout", failureSignature(runnerKeys[1], id, 1));
        isIn(id, Grants.State.Settled, "what was posted counts");
        slashed(0, runner(1), runner(0), STAKE);
        free(3);
    }

    function test_ThirdRunnerThatDoesNotFinishPaysAndAnotherCanDecide() public {
        bytes32 id = posted(GARBAGE);
        challenge(id, 1);
        post(id, 1, HONEST);
        challenge(id, 2);
        vm.warp(grants.grantOf(id).useDeadline + 1);
        grants.settle(id);
        isIn(id, Grants.State.Posted, "time for another");
        slashed(0, runner(2), buyer, STAKE);
        challenge(id, 3);
        post(id, 3, HONEST);
        isIn(id, Grants.State.Refunded, "refunded");
        slashed(1, runner(0), buyer, STAKE);
        free(4);
    }

    function test_OnlyAnotherRegisteredRunnerWithAStakeInTimeDisputes() public {
        bytes32 id = posted(HONEST);
        refuses(address(grants), challengeCall(id, 0), abi.encodeWithSelector(GrantsRunners.NotRunner.selector, runner(0)));
        uint256 mine = uint256(keccak256("stranger"));
        refuses(
            address(grants), challengeCallBy(mine, id), abi.encodeWithSelector(GrantsRunners.NotRunner.selector, vm.addr(mine))
        );
        refuses(
            address(grants),
            challengeCall(id, 4),
            abi.encodeWithSelector(GrantsRunners.StakeTooSmall.selector, STAKE - 1, STAKE)
        );
        // A signature to open the use is none to dispute it: else whoever lost the race to open it could be made to.
        refuses(
            address(grants),
            abi.encodeCall(
                grants.challenge, (id, 1, KEY, 2, runner(1), openSignature(runnerKeys[1], id, 1, KEY, 2))
            ),
            abi.encodeWithSelector(GrantsRunners.InvalidSignature.selector, runner(1))
        );
        skip(CHALLENGE_TIME + 1);
        refuses(address(grants), challengeCall(id, 1), tooLate(vm.getBlockTimestamp() - 1));
    }

    function test_StakeCoversEachUseAnew() public {
        bytes32 first = granted("one");
        bytes32 second = granted("two");
        open(first, 1);
        refuses(
            address(grants),
            openCall(runnerKeys[0], second, 1, 1),
            abi.encodeWithSelector(GrantsRunners.StakeTooSmall.selector, STAKE, 2 * STAKE)
        );
        deposit(runnerKeys[0], STAKE);
        open(second, 1);
        vm.assertEq(grants.atRisk(runner(0)), 2 * STAKE, "of both");
        // What uses hang on does not leave.
        vm.startPrank(runner(0));
        refuses(
            address(stakes),
            abi.encodeCall(stakes.unstake, (runner(0), 1, 0, "")),
            abi.encodeWithSelector(Stakes.AmountOutOfRange.selector, 1, 0)
        );
        vm.stopPrank();
        giveUp(first, 1);
        vm.assertEq(grants.atRisk(runner(0)), STAKE, "of one");
    }

    function test_PauseGivesTheWholeTimeToDisputeAnewAndNobodyPaysForIt() public {
        bytes32 id = posted(GARBAGE);
        skip(CHALLENGE_TIME - 1);
        vm.prank(vm.addr(guardianKeys[0]));
        registry.pause();
        uint256 until = registry.pausedUntil() + CHALLENGE_TIME;
        refuses(address(grants), challengeCall(id, 1), abi.encodeWithSelector(GrantsRunners.Paused.selector, registry.pausedUntil()));
        skip(CHALLENGE_TIME);
        refuses(address(grants), abi.encodeCall(grants.settle, (id)), abi.encodeWithSelector(Grants.TooEarly.selector, until));
        vm.warp(until);
        challenge(id, 1);
        // In the middle of it another guardian pauses.
        vm.prank(vm.addr(guardianKeys[1]));
        registry.pause();
        vm.warp(grants.grantOf(id).useDeadline + 1);
        grants.settle(id);
        isIn(id, Grants.State.Posted, "there is time again");
        vm.assertEq(stakes.slashings(), 0, "nobody pays for a pause");
        vm.warp(registry.pausedUntil());
        challenge(id, 2);
        post(id, 2, HONEST);
        isIn(id, Grants.State.Posted, "disputed");
    }

    function test_NoVoteHoldsUpAResultForEver() public {
        bytes32 id = posted(HONEST);
        uint256 last = grants.postingOf(id).until + grants.MAX_PAUSE();
        vm.prank(address(timelock));
        registry.pauseUntil(type(uint256).max);
        vm.warp(last);
        refuses(address(grants), abi.encodeCall(grants.settle, (id)), abi.encodeWithSelector(Grants.TooEarly.selector, last));
        skip(1);
        grants.settle(id);
        isIn(id, Grants.State.Settled, "settled");
    }

    function test_NoVoteHoldsUpADisputeForEver() public {
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        vm.prank(address(timelock));
        registry.pauseUntil(type(uint256).max);
        vm.warp(grants.grantOf(id).useDeadline + 1);
        grants.settle(id);
        isIn(id, Grants.State.Posted, "nobody pays for a pause");
        vm.warp(grants.postingOf(id).until + grants.MAX_PAUSE() + 1);
        grants.settle(id);
        isIn(id, Grants.State.Settled, "and it ends");
        free(2);
    }

    function test_OnlyAPostedResultIsDisputed() public {
        bytes32 id = granted("one");
        refuses(address(grants), challengeCall(id, 0), wrongState(id, Grants.State.Approved));
        open(id, 1);
        refuses(address(grants), challengeCall(id, 0), wrongState(id, Grants.State.UseOpened));
    }

    function test_ThirdRunnerIsNeitherOfTheTwoAndHasTheWholeTimeFromTheDisputeOn() public {
        bytes32 id = posted(GARBAGE);
        skip(CHALLENGE_TIME);
        challenge(id, 1);
        skip(10);
        post(id, 1, HONEST);
        refuses(address(grants), challengeCall(id, 0), abi.encodeWithSelector(GrantsRunners.NotRunner.selector, runner(0)));
        refuses(address(grants), challengeCall(id, 1), abi.encodeWithSelector(GrantsRunners.NotRunner.selector, runner(1)));
        skip(CHALLENGE_TIME);
        challenge(id, 2);
        // It does not finish, and the next one has as long.
        vm.warp(grants.grantOf(id).useDeadline + 1);
        grants.settle(id);
        skip(CHALLENGE_TIME);
        challenge(id, 3);
        post(id, 3, HONEST);
        isIn(id, Grants.State.Refunded, "refunded");
        vm.assertEq(grants.grantOf(id).keyVersion, 0, "no key is left");
    }

    function test_WhetherAPauseKeptARunnerDoesNotDependOnALaterCharter() public {
        Grants.Charter memory c = grants.charter();
        bytes32 id = posted(HONEST);
        challenge(id, 1);
        vm.startPrank(address(timelock));
        registry.pauseUntil(vm.getBlockTimestamp() + 10);
        c.useTime /= 2;
        grants.setCharter(c);
        vm.stopPrank();
        vm.warp(grants.grantOf(id).useDeadline + 1);
        grants.settle(id);
        isIn(id, Grants.State.Posted, "it was kept");
        vm.assertEq(stakes.slashings(), 0, "and does not pay");
        // The pause was over when this one began.
        challenge(id, 2);
        c.useTime = 7 days;
        vm.prank(address(timelock));
        grants.setCharter(c);
        vm.warp(grants.grantOf(id).useDeadline + 1);
        grants.settle(id);
        slashed(0, runner(2), runner(0), STAKE);
    }

    function test_NothingOfADisputeIsLeftInTheNextUse() public {
        Grants.Terms memory t = termsOf("two uses");
        t.uses = 2;
        bytes32 id = granted(t);
        open(id, 1);
        post(id, 0, HONEST);
        challenge(id, 1);
        post(id, 1, GARBAGE);
        challenge(id, 2);
        post(id, 2, HONEST);
        isIn(id, Grants.State.Approved, "the next");
        open(id, 2);
        giveUp(id, 2);
        isIn(id, Grants.State.Refunded, "refunded");
        free(3);
    }

    function test_UsesGoOnAfterADispute() public {
        Grants.Terms memory t = termsOf("two uses");
        t.uses = 2;
        bytes32 id = granted(t);
        open(id, 1);
        post(id, 0, HONEST);
        refuses(address(grants), openCall(runnerKeys[0], id, 2, 1), wrongState(id, Grants.State.Posted));
        challenge(id, 1);
        post(id, 1, HONEST);
        isIn(id, Grants.State.Approved, "the next");
        open(id, 2);
        grants.postResult(id, 2, HONEST, INPUTS, resultSignature(runnerKeys[0], id, 2, HONEST, INPUTS));
        vm.assertEq(grants.postingOf(id).challenger, address(0), "nothing is left of the first");
        skip(CHALLENGE_TIME + 1);
        grants.settle(id);
        isIn(id, Grants.State.Settled, "settled");
        moneyIs(0, 0, 2 * PRICE);
        free(2);
    }

    function test_StakeIsWhatItWasWhenTheUseWasOpened() public {
        bytes32 id = posted(GARBAGE);
        Grants.Charter memory c = grants.charter();
        c.runnerStake = STAKE / 4;
        carryOut(charterAction(c));
        challenge(id, 1);
        post(id, 1, HONEST);
        challenge(id, 2);
        post(id, 2, HONEST);
        slashed(0, runner(0), buyer, STAKE);
        free(3);
    }

    function free(uint256 runners) private view {
        for (uint256 i = 0; i < runners; i++) {
            vm.assertEq(grants.atRisk(runner(i)), 0, "nothing hangs on it any more");
        }
    }
}
