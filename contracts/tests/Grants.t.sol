// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {FeeDollar, ReentrantDollar} from "./Tokens.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {Ledger} from "../src/Ledger.sol";
import {TestDollar} from "../src/TestDollar.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// What buyers ask for, and that their money ends with the owners or with them.
contract GrantsTest is GrantsFixture {
    /// Money in the grants contract is what waits there and what went back, no more and no less.
    function moneyIs(uint256 escrowed, uint256 credited, uint256 dividends) private view {
        vm.assertEq(grants.escrowed(), escrowed, "escrowed");
        vm.assertEq(grants.credited(), credited, "credited");
        vm.assertEq(dollar.balanceOf(address(grants)), escrowed + credited, "the money is there");
        vm.assertEq(token.dividendsReceived(), dividends, "dividends");
        vm.assertEq(dollar.allowance(address(grants), address(token)), 0, "no allowance is left");
    }

    function buyerGetsBack(uint256 amount) private {
        vm.assertEq(grants.creditOf(buyer), amount, "credit");
        uint256 before = dollar.balanceOf(buyer);
        vm.expectEmit(address(grants));
        emit Grants.CreditPaid(buyer, amount);
        vm.prank(stranger);
        vm.assertEq(grants.payCredit(buyer), amount, "paid");
        vm.assertEq(dollar.balanceOf(buyer), before + amount, "the buyer has it");
        vm.assertEq(dollar.balanceOf(stranger), 0, "the caller gets nothing");
        vm.assertEq(grants.payCredit(buyer), 0, "nothing is left");
    }

    // The ways a request can go

    function test_GrantedUsedAndSettledPaysTheOwners() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = idOf(t);
        vm.expectEmit(address(grants));
        emit Grants.Requested(id, buyer, t, CODE);
        vm.prank(stranger);
        vm.assertEq(ask(t), id, "identifier");
        isIn(id, Grants.State.Requested, "requested");
        moneyIs(PRICE, 0, 0);

        AssetGovernor governor_ = governor;
        Action memory a = approvalOf(id);
        decide(a, FOR);
        vm.assertTrue(!governor_.isRejected(id), "not rejected");
        queue(a);
        skip(5);
        vm.expectEmit(address(grants));
        emit Grants.Approved(id);
        execute(a);
        isIn(id, Grants.State.Approved, "approved");

        vm.expectEmit(address(grants));
        emit Grants.UseOpened(id, 1, runner(0), ONE_TIME_KEY, 1, uint64(vm.getBlockTimestamp() + 100));
        open(id, 1);
        Grants.Grant memory g = grants.grantOf(id);
        isIn(id, Grants.State.UseOpened, "opened");
        vm.assertEq(g.runner, runner(0), "runner");
        vm.assertEq(g.oneTimeKey, ONE_TIME_KEY, "key");
        vm.assertEq(g.useDeadline, vm.getBlockTimestamp() + 100, "deadline");

        vm.expectEmit(address(grants));
        emit Grants.ResultPosted(id, 1, runner(0), RESULT, INPUTS);
        vm.expectEmit(address(grants));
        emit Grants.Settled(id, 1, PRICE);
        finish(id, 1);
        isIn(id, Grants.State.Settled, "settled");
        moneyIs(0, 0, PRICE);
        uint256 claimable;
        for (uint256 i = 0; i < 4; i++) {
            claimable += token.claimable(owner(i));
        }
        vm.assertGe(claimable + 4, PRICE, "the owners can claim it, but for fractions");
        g = grants.grantOf(id);
        vm.assertEq(g.runner, address(0), "no runner is left for guardians to read");
        vm.assertEq(g.oneTimeKey, 0, "nor a key");
        vm.assertEq(g.keyVersion, 0, "nor a version");
        vm.assertEq(g.useDeadline, 0, "nor a deadline");
    }

    function test_VotedDownIsRefundedAtOnce() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        decide(a, AGAINST);
        vm.assertTrue(governor.isRejected(id) && grants.isRefundable(id), "rejected");
        refuses(
            address(governor),
            queueCall(a),
            abi.encodeWithSignature(
                "GovernorUnexpectedProposalState(uint256,uint8,bytes32)", proposalOf(a), 3, bytes32(uint256(16))
            )
        );
        vm.expectEmit(address(grants));
        emit Grants.Refunded(id, buyer, PRICE);
        vm.prank(stranger);
        grants.refund(id);
        isIn(id, Grants.State.Refunded, "refunded");
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
        moneyIs(0, 0, 0);
    }

    function test_TooFewVotesAreRefundedAtOnce() public {
        bytes32 id = ask(termsOf("one"));
        uint256 proposal = propose(approvalOf(id), stranger);
        vm.warp(governor.proposalDeadline(proposal) + 1);
        grants.refund(id);
        moneyIs(0, PRICE, 0);
    }

    function test_RevokedByVoteBeforeAUseIsRefunded() public {
        bytes32 id = granted("one");
        Action memory a = revocationOf(id);
        decide(a, FOR);
        queue(a);
        skip(5);
        vm.expectEmit(address(grants));
        emit Grants.Revoked(id);
        execute(a);
        isIn(id, Grants.State.Refunded, "refunded");
        refuses(address(grants), openCall(runnerKeys[0], id, 1, 1), wrongState(id, Grants.State.Refunded));
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
    }

    function test_RevokedWhileAUseIsOpenIsRefunded() public {
        AssetFactory.AssetParams memory p = params("patient");
        p.governance.useTime = 1000;
        useAsset(p);
        grow();
        bytes32 id = granted("one");
        open(id, 1);
        carryOut(revocationOf(id));
        refuses(address(grants), resultCall(runnerKeys[0], id, 1), wrongState(id, Grants.State.Refunded));
        vm.assertEq(grants.grantOf(id).runner, address(0), "guardians see no runner");
        moneyIs(0, PRICE, 0);
    }

    function test_RunnerThatDiesIsTimedOutAndTheBuyerRefunded() public {
        bytes32 id = granted("one");
        open(id, 1);
        uint256 deadline = vm.getBlockTimestamp() + 100;
        bytes memory refund = abi.encodeCall(grants.refund, (id));
        vm.warp(deadline);
        refuses(address(grants), refund, wrongState(id, Grants.State.UseOpened));
        vm.warp(deadline + 1);
        refuses(
            address(grants),
            resultCall(runnerKeys[0], id, 1),
            abi.encodeWithSelector(Grants.TooLate.selector, deadline)
        );
        grants.refund(id);
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
    }

    function test_RunnerThatFailsGivesTheMoneyBack() public {
        bytes32 id = granted("one");
        open(id, 1);
        vm.expectEmit(address(grants));
        emit Grants.UseFailed(id, 1, runner(0), "timeout");
        giveUp(id, 1);
        isIn(id, Grants.State.Refunded, "refunded");
        moneyIs(0, PRICE, 0);
        buyerGetsBack(PRICE);
    }

    function test_GrantThatNobodyUsesIsRefundedAfterItsExpiry() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = granted(t);
        bytes memory refund = abi.encodeCall(grants.refund, (id));
        vm.warp(t.expiry);
        refuses(address(grants), refund, wrongState(id, Grants.State.Approved));
        vm.warp(t.expiry + 1);
        grants.refund(id);
        moneyIs(0, PRICE, 0);
    }

    function test_RequestThatNobodyProposesIsRefundedAfterItsExpiry() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        bytes memory refund = abi.encodeCall(grants.refund, (id));
        refuses(address(grants), refund, wrongState(id, Grants.State.Requested));
        vm.warp(t.expiry);
        refuses(address(grants), refund, wrongState(id, Grants.State.Requested));
        vm.warp(t.expiry + 1);
        grants.refund(id);
        moneyIs(0, PRICE, 0);
    }

    function test_EachUseIsPaidForAloneAndTheRestGoesBack() public {
        Grants.Terms memory t = termsOf("three");
        t.uses = 3;
        bytes32 id = granted(t);
        moneyIs(3 * PRICE, 0, 0);
        open(id, 1);
        finish(id, 1);
        isIn(id, Grants.State.Approved, "two more");
        moneyIs(2 * PRICE, 0, PRICE);
        open(id, 2);
        finish(id, 2);
        moneyIs(PRICE, 0, 2 * PRICE);
        open(id, 3);
        giveUp(id, 3);
        isIn(id, Grants.State.Refunded, "over");
        vm.assertEq(grants.grantOf(id).settledUses, 2, "settled");
        moneyIs(0, PRICE, 2 * PRICE);
        buyerGetsBack(PRICE);
    }

    function test_AllUsesSettledEndTheGrant() public {
        Grants.Terms memory t = termsOf("two");
        t.uses = 2;
        bytes32 id = granted(t);
        for (uint32 use = 1; use <= 2; use++) {
            open(id, use);
            finish(id, use);
        }
        isIn(id, Grants.State.Settled, "settled");
        moneyIs(0, 0, 2 * PRICE);
        refuses(address(grants), openCall(runnerKeys[0], id, 3, 1), wrongState(id, Grants.State.Settled));
        vm.warp(t.expiry + 200 days);
        refuses(address(grants), abi.encodeCall(grants.refund, (id)), wrongState(id, Grants.State.Settled));
    }

    function test_CreditsOfSeveralRequestsAddUp() public {
        Grants.Terms memory t = termsOf("one");
        ask(t);
        Grants.Terms memory u = termsOf("two");
        u.uses = 5;
        ask(u);
        vm.warp(t.expiry + 1);
        grants.refund(idOf(t));
        grants.refund(idOf(u));
        buyerGetsBack(6 * PRICE);
    }

    // Wrong states

    function test_OnlyTheTimelockApprovesAndRevokes() public {
        bytes32 id = ask(termsOf("one"));
        address[5] memory others = [address(this), buyer, founder, owner(3), address(governor)];
        for (uint256 i = 0; i < others.length; i++) {
            bytes memory why = abi.encodeWithSelector(Grants.NotTimelock.selector, others[i]);
            vm.prank(others[i]);
            refuses(address(grants), abi.encodeCall(grants.approve, (id)), why);
            vm.prank(others[i]);
            refuses(address(grants), abi.encodeCall(grants.revoke, (id)), why);
        }
        isIn(id, Grants.State.Requested, "nothing happened");
    }

    function fromTimelock(bytes memory call, bytes memory why) private {
        vm.prank(address(timelock));
        refuses(address(grants), call, why);
    }

    function refusesAllIn(bytes32 id, Grants.State state) private {
        bytes memory why = wrongState(id, state);
        uint32 next = grants.grantOf(id).settledUses + 1;
        if (state != Grants.State.Requested) fromTimelock(abi.encodeCall(grants.approve, (id)), why);
        if (state == Grants.State.None || state == Grants.State.Settled || state == Grants.State.Refunded) {
            fromTimelock(abi.encodeCall(grants.revoke, (id)), why);
        }
        if (state != Grants.State.Approved && state != Grants.State.UseOpened) {
            refuses(address(grants), openCall(runnerKeys[0], id, next, 1), why);
        }
        if (state != Grants.State.UseOpened) {
            refuses(address(grants), resultCall(runnerKeys[0], id, next), why);
            refuses(address(grants), failureCall(runnerKeys[0], id, next), why);
        }
        refuses(address(grants), abi.encodeCall(grants.refund, (id)), why);
    }

    function test_NothingMovesARequestThatIsNotInTheRightState() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = idOf(t);
        refusesAllIn(id, Grants.State.None);
        ask(t);
        refusesAllIn(id, Grants.State.Requested);
        carryOut(approvalOf(id));
        refusesAllIn(id, Grants.State.Approved);
        open(id, 1);
        refusesAllIn(id, Grants.State.UseOpened);
        finish(id, 1);
        refusesAllIn(id, Grants.State.Settled);
        bytes32 other = granted("two");
        open(other, 1);
        giveUp(other, 1);
        refusesAllIn(other, Grants.State.Refunded);
    }

    function test_RequestCannotBeMadeTwiceInAnyState() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        bytes memory again = requestCall(t);
        refuses(address(grants), again, wrongState(id, Grants.State.Requested));
        carryOut(approvalOf(id));
        refuses(address(grants), again, wrongState(id, Grants.State.Approved));
        open(id, 1);
        refuses(address(grants), again, wrongState(id, Grants.State.UseOpened));
        giveUp(id, 1);
        refuses(address(grants), again, wrongState(id, Grants.State.Refunded));
    }

    function test_ApprovalComesInTimeOrNotAtAll() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        Action memory a = approvalOf(id);
        decide(a, FOR);
        queue(a);
        vm.warp(t.expiry + 1);
        refuses(address(governor), executeCall(a), abi.encodeWithSelector(Grants.TooLate.selector, t.expiry));
        vm.warp(t.expiry);
        execute(a);
        isIn(id, Grants.State.Approved, "at the last second");
    }

    function test_RefundedRequestCannotBeApprovedByAVoteThatStillWaits() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = ask(t);
        Action memory a = approvalOf(id);
        decide(a, FOR);
        queue(a);
        vm.warp(t.expiry + 1);
        grants.refund(id);
        refuses(address(governor), executeCall(a), wrongState(id, Grants.State.Refunded));
    }

    // Terms

    function refusesTerms(Grants.Terms memory t, string memory term) private {
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(Grants.TermsOutOfRange.selector, term));
    }

    function test_TermsOutOfRangeAreRefused() public {
        Grants.Terms memory t = termsOf("one");
        t.use = 0;
        refusesTerms(t, "use");
        t.use = 2;
        refusesTerms(t, "use");
        t = termsOf("one");
        t.buyer = address(0);
        refusesTerms(t, "buyer");
        t = termsOf("one");
        t.buyerKey = 0;
        refusesTerms(t, "buyer");
        t = termsOf("one");
        (t.fromYear, t.toYear) = (2020, 2019);
        refusesTerms(t, "years");
        t.toYear = 10_000;
        refusesTerms(t, "years");
        t = termsOf("one");
        t.groupSize = 1;
        refusesTerms(t, "groupSize");
        t = termsOf("one");
        t.uses = 0;
        refusesTerms(t, "uses");
        t.uses = 1001;
        refusesTerms(t, "uses");
        t = termsOf("one");
        t.price = 0;
        refusesTerms(t, "price");
        t.price = uint256(type(uint96).max) / 1000 + 1;
        refusesTerms(t, "price");
        t = termsOf("one");
        t.expiry = uint64(vm.getBlockTimestamp());
        refusesTerms(t, "expiry");
        t.expiry = uint64(vm.getBlockTimestamp() + 180 days + 1);
        refusesTerms(t, "expiry");
    }

    function test_TermsAtTheirBoundsAreTaken() public {
        Grants.Terms memory t = termsOf("bounds");
        t.kinds = new bytes32[](16);
        for (uint256 i = 0; i < 16; i++) {
            t.kinds[i] = bytes32(i + 1);
        }
        (t.fromYear, t.toYear) = (0, 9999);
        (t.uses, t.price) = (1000, uint256(type(uint96).max) / 1000);
        t.expiry = uint64(vm.getBlockTimestamp() + 180 days);
        dollar.mint(buyer, type(uint96).max);
        bytes32 id = ask(t);
        vm.assertEq(grants.escrowed(), t.price * 1000, "escrowed");
        Grants.Terms memory u = termsOf("shortest");
        (u.fromYear, u.toYear, u.price, u.expiry) = (0, 0, 1, uint64(vm.getBlockTimestamp() + 1));
        ask(u);
        vm.warp(t.expiry + 1);
        grants.refund(id);
        grants.refund(idOf(u));
        vm.assertEq(grants.escrowed(), 0, "all back");
    }

    function test_KindsAreAscendingAndBounded() public {
        Grants.Terms memory t = termsOf("one");
        t.kinds = new bytes32[](0);
        refusesTerms(t, "kinds");
        t.kinds = new bytes32[](1);
        refusesTerms(t, "kinds");
        t.kinds = new bytes32[](2);
        (t.kinds[0], t.kinds[1]) = ("post", "comment");
        refusesTerms(t, "kinds");
        t.kinds[1] = "post";
        refusesTerms(t, "kinds");
        t.kinds = new bytes32[](17);
        for (uint256 i = 0; i < 17; i++) {
            t.kinds[i] = bytes32(i + 1);
        }
        refusesTerms(t, "kinds");
    }

    function test_CodeIsTheOneWhoseHashIsInTheTermsAndBounded() public {
        Grants.Terms memory t = termsOf("one");
        bytes memory s = paymentOf(t);
        bytes memory other = "SELECT count(*) CLIP 10 FROM records";
        refuses(
            address(grants),
            abi.encodeCall(grants.request, (t, other, DEADLINE, s)),
            abi.encodeWithSelector(Grants.CodeMismatch.selector, keccak256(other), t.codeHash)
        );
        bytes memory outOfRange = abi.encodeWithSelector(Grants.TermsOutOfRange.selector, "code");
        refuses(address(grants), abi.encodeCall(grants.request, (t, "", DEADLINE, s)), outOfRange);
        bytes memory long = new bytes(8193);
        t.codeHash = keccak256(long);
        s = paymentOf(t);
        refuses(address(grants), abi.encodeCall(grants.request, (t, long, DEADLINE, s)), outOfRange);
        long = new bytes(8192);
        t.codeHash = keccak256(long);
        grants.request(t, long, DEADLINE, paymentOf(t));
    }

    function test_NoRequestsBeforeTheAssetIsMature() public {
        AssetFactory.AssetParams memory p = params("young");
        p.governance.minimumOwners = 5;
        p.governance.minimumAge = 0;
        useAsset(p);
        grow();
        refuses(address(grants), requestCall(termsOf("one")), abi.encodeWithSelector(Grants.NotMature.selector));
        vm.prank(owner(3));
        token.transfer(stranger, 1);
        ask(termsOf("one"));
    }

    // Payment

    function refusesPayment(Grants.Terms memory t, uint256 validBefore, bytes memory s) private {
        refuses(
            address(grants),
            abi.encodeCall(grants.request, (t, CODE, validBefore, s)),
            abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector)
        );
    }

    function test_PaymentIsForOneRequestAndOneAmount() public {
        Grants.Terms memory t = termsOf("one");
        refusesPayment(t, DEADLINE, payment(address(grants), PRICE, DEADLINE, "another nonce"));
        refusesPayment(t, DEADLINE, payment(address(grants), PRICE + 1, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE, payment(address(grants), PRICE - 1, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE, payment(address(token), PRICE, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE + 1, payment(address(grants), PRICE, DEADLINE, idOf(t)));
        refusesPayment(t, DEADLINE, paymentOf(termsOf("two")));
        refusesPayment(t, DEADLINE, new bytes(65));
        vm.assertEq(grants.escrowed(), 0, "nothing was locked");
        ask(t);
    }

    function test_PaymentCannotBeUsedOnAnotherChainOrAsset() public {
        Grants.Terms memory t = termsOf("one");
        bytes memory s = paymentOf(t);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesPayment(t, DEADLINE, s);
        vm.chainId(chain);
        Grants first = grants;
        useAsset(params("twin"));
        grow();
        refusesPayment(t, DEADLINE, s);
        first.request(t, CODE, DEADLINE, s);
    }

    function test_PaymentHoldsUntilItsTime() public {
        Grants.Terms memory t = termsOf("one");
        uint256 validBefore = vm.getBlockTimestamp() + 100;
        bytes memory s = payment(address(grants), PRICE, validBefore, idOf(t));
        vm.warp(validBefore);
        refuses(
            address(grants),
            abi.encodeCall(grants.request, (t, CODE, validBefore, s)),
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, 0, validBefore)
        );
        vm.warp(validBefore - 1);
        grants.request(t, CODE, validBefore, s);
    }

    function test_BuyerWithoutTheMoneyLocksNothing() public {
        Grants.Terms memory t = termsOf("one");
        uint256 all = dollar.balanceOf(buyer);
        vm.prank(buyer);
        dollar.transfer(stranger, all);
        (bool ok,) = address(grants).call(requestCall(t));
        vm.assertTrue(!ok, "refused");
        isIn(idOf(t), Grants.State.None, "no request");
        moneyIs(0, 0, 0);
    }

    /// Another value for each field in turn; where the contract allows it, so that the payment alone can stop it.
    function changed(Grants.Terms memory t, uint256 field) private view {
        if (field == 0) t.buyer = stranger;
        else if (field == 1) t.buyerKey = keccak256("mine");
        else if (field == 2) t.use = 2;
        else if (field == 3) t.kinds[1] = "prompt";
        else if (field == 4) t.fromYear++;
        else if (field == 5) t.toYear--;
        else if (field == 6) t.lastEpoch++;
        else if (field == 7) t.codeHash = keccak256("SELECT count(*) CLIP 10 FROM records");
        else if (field == 8) t.groupSize++;
        else if (field == 9) t.price--;
        else if (field == 10) t.uses++;
        else if (field == 11) t.expiry--;
        else t.salt = "two";
    }

    function test_EveryTermIsPartOfTheIdentifierAndPaidFor() public {
        Grants.Terms memory t = termsOf("one");
        bytes32 id = grants.requestId(t);
        vm.assertEq(id, idOf(t), "identifier");
        bytes memory s = paymentOf(t);
        dollar.mint(stranger, 1e12);
        for (uint256 field = 0; field < 13; field++) {
            Grants.Terms memory u = termsOf("one");
            changed(u, field);
            vm.assertTrue(grants.requestId(u) != id, "another identifier");
            bytes memory code = field == 7 ? bytes("SELECT count(*) CLIP 10 FROM records") : CODE;
            bytes memory why = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
            if (field == 2) why = abi.encodeWithSelector(Grants.TermsOutOfRange.selector, "use");
            if (field == 6) why = abi.encodeWithSelector(Grants.NotSnapshot.selector, u.lastEpoch, t.lastEpoch);
            refuses(address(grants), abi.encodeCall(grants.request, (u, code, DEADLINE, s)), why);
        }
        grants.request(t, CODE, DEADLINE, s);
        vm.chainId(block.chainid + 1);
        vm.assertTrue(grants.requestId(t) != id, "another chain, another identifier");
    }

    function testFuzz_PaymentForOneIdentifierNeverPaysAnother(bytes32 nonce, uint256 amount) public {
        Grants.Terms memory t = termsOf("one");
        if (nonce == idOf(t) && amount == PRICE) return;
        refusesPayment(t, DEADLINE, payment(address(grants), amount, DEADLINE, nonce));
    }

    // Payment tokens that misbehave

    function useMoney(TestDollar money) private {
        dollar = money;
        AssetFactory.AssetParams memory p = params("money");
        p.paymentToken = address(money);
        useAsset(p);
        grow();
    }

    function test_FeeOnTransferTokenIsRefused() public {
        useMoney(new FeeDollar());
        Grants.Terms memory t = termsOf("one");
        refuses(
            address(grants),
            requestCall(t),
            abi.encodeWithSelector(Grants.PaymentMismatch.selector, PRICE - PRICE / 10, PRICE)
        );
        vm.assertEq(dollar.balanceOf(buyer), 1e15, "the buyer kept all");
    }

    function reentered(ReentrantDollar money) private view {
        vm.assertTrue(!money.succeeded(), "the call from within failed");
        vm.assertTrue(
            money.refusal() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "because of the guard"
        );
    }

    function test_ReentrantTokenCannotHaveOnePaymentLockedTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        money.arm(address(grants), requestCall(termsOf("two")));
        ask(termsOf("one"));
        reentered(money);
        moneyIs(PRICE, 0, 0);
    }

    function test_ReentrantTokenCannotBePaidBackTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        bytes32 id = granted("one");
        open(id, 1);
        giveUp(id, 1);
        ask(termsOf("two"));
        money.arm(address(grants), abi.encodeCall(grants.payCredit, (buyer)));
        grants.payCredit(buyer);
        reentered(money);
        moneyIs(PRICE, 0, 0);
    }

    function test_ReentrantTokenCannotSettleOneUseTwice() public {
        ReentrantDollar money = new ReentrantDollar();
        useMoney(money);
        Grants.Terms memory t = termsOf("one");
        t.uses = 3;
        bytes32 id = granted(t);
        open(id, 1);
        money.arm(address(grants), resultCall(runnerKeys[0], id, 1));
        finish(id, 1);
        reentered(money);
        moneyIs(2 * PRICE, 0, PRICE);
    }

    function test_MoneySentWithoutARequestBelongsToNobody() public {
        dollar.mint(address(grants), 77);
        bytes32 id = granted("one");
        open(id, 1);
        finish(id, 1);
        vm.assertEq(token.dividendsReceived(), PRICE, "not distributed");
        vm.assertEq(dollar.balanceOf(address(grants)), 77, "not locked");
    }

    // Snapshots

    function postOne() private {
        address[] memory owners = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (owners[0], amounts[0]) = (member(0), 1e18);
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        post(claims);
    }

    /// Two grants whose snapshots differ by what one member added would show it.
    function test_SnapshotNeedsEnoughNewContributions() public {
        vm.assertEq(grants.snapshotEpoch(), 1, "taken");
        vm.assertEq(grants.snapshotLeaves(), 4, "leaves");
        bytes memory take = abi.encodeCall(grants.takeSnapshot, ());
        refuses(address(grants), take, abi.encodeWithSelector(Grants.SnapshotTooSmall.selector, 0, 2));
        postOne();
        refuses(address(grants), take, abi.encodeWithSelector(Grants.SnapshotTooSmall.selector, 1, 2));
        // Epochs without contributions do not help.
        post(claimsOf(0));
        refuses(address(grants), take, abi.encodeWithSelector(Grants.SnapshotTooSmall.selector, 1, 2));
        postOne();
        skip(7);
        vm.expectEmit(address(grants));
        emit Grants.SnapshotTaken(4, 6);
        vm.prank(stranger);
        grants.takeSnapshot();
        vm.assertEq(grants.snapshotEpoch(), 4, "the latest epoch");
        vm.assertEq(grants.snapshotAt(4), vm.getBlockTimestamp(), "time");
        vm.assertEq(grants.snapshotAt(3), 0, "no snapshot");
    }

    function test_RequestNamesTheLatestSnapshot() public {
        Grants.Terms memory old = termsOf("one");
        postOne();
        postOne();
        Grants.Terms memory t = termsOf("one");
        t.lastEpoch = 3;
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(Grants.NotSnapshot.selector, 3, 1));
        grants.takeSnapshot();
        refuses(address(grants), requestCall(old), abi.encodeWithSelector(Grants.NotSnapshot.selector, 1, 3));
        t.lastEpoch = 2;
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(Grants.NotSnapshot.selector, 2, 3));
        t.lastEpoch = 0;
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(Grants.NotSnapshot.selector, 0, 3));
        t.lastEpoch = 3;
        ask(t);
    }

    function test_NoRequestBeforeTheFirstSnapshot() public {
        useAsset(params("twin"));
        Grants.Terms memory t = termsOf("one");
        vm.assertEq(t.lastEpoch, 0, "none yet");
        refuses(address(grants), requestCall(t), abi.encodeWithSelector(Grants.NotSnapshot.selector, 0, 0));
        refuses(
            address(grants),
            abi.encodeCall(grants.takeSnapshot, ()),
            abi.encodeWithSelector(Grants.SnapshotTooSmall.selector, 0, 2)
        );
    }
}
